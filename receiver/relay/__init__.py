"""From the log to where people work: targets, deliveries, and the process that makes and sends them."""
