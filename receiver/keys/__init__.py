"""Callback keys: which are accepted, who accepts them, and the URLs made with them."""
