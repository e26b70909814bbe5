"""`receiver setup`: get numbers and point them at this service."""
