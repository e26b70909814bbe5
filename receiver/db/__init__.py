"""The database: engine, schema and space."""
