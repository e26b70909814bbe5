"""Twilio as another party: its API, callbacks, calls and messages, written from its documents alone."""
