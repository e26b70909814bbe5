"""`receiver events`: the log on the command line."""
