"""The event log: taking, keeping and finding events."""
