"""Taking callbacks: from the request as it came to a row on stable storage."""
