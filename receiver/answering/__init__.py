"""Answering calls and SMS by the rules in a file: reading them, deciding by them, showing them."""
