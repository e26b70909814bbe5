"""Hoiio: everything we know about it."""
