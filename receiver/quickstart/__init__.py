"""`make run`: the service on this machine, from nothing to the first events."""
