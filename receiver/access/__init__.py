"""Who may do what: people with passwords, programs with tokens."""
