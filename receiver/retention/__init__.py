"""What leaves the log: by age, by decision, or because a person asks to be erased."""
