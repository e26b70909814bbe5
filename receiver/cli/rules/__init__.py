"""`receiver rules`: answering calls and SMS by rules."""
