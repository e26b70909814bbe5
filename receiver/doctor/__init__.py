"""The doctor: looks at everything that a callback depends on."""
