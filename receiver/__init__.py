"""Receiver: answers and keeps what arrives at telephone numbers."""
