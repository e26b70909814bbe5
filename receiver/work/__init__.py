"""What happens beside the receive path, in the background."""
