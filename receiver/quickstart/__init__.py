"""`make run`: the service on this machine, from nothing to the first events.

It stands apart: it drives commands and HTTP as anybody does, and of ours it imports only the settings.
"""
