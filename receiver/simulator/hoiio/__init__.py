"""Hoiio as another party: its API, its calls, faxes and SMS, written from its documents alone."""
