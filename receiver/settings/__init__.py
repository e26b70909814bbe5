"""How single settings are read: files of settings, addresses, secrets. `config.py` puts them together."""
