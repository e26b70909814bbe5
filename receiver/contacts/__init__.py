"""Names for the numbers that call and write: kept, looked up, and read from address books."""
