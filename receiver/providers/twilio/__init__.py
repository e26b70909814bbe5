"""Twilio as a provider. What is only Twilio's stays in here."""
