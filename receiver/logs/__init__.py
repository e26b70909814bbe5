"""The service's own log: what its modules say, and the lines a serving process writes of it."""
