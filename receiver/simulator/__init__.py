"""A simulated provider: speaks the API that Hoiio documents, over real HTTP. Imports nothing of ours."""
