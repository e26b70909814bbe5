"""The providers as other parties, each in a folder: their APIs over real HTTP. Imports nothing of ours."""
