"""What is known of our numbers, and what somebody should know about them."""
