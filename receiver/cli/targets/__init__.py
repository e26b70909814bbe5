"""`receiver targets`: where events are delivered."""
