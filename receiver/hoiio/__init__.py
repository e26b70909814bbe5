"""What we know about the provider."""
