"""`receiver listen`: a remote service's events, posted to a program on this machine."""
