"""Receiver: answers and keeps what arrives at telephone numbers."""

__version__ = "1.0.0"
