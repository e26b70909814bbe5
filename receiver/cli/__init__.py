"""What answers the command line."""
