"""E-mail: one mail for each event, by the operator's own server."""
