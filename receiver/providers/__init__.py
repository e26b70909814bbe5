"""Who sells numbers and calls us: what any provider is, and each of them in a folder of its own."""
