"""Everything that goes out to an address that somebody else chose."""
