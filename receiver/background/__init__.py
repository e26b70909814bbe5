"""What happens beside the receive path."""
