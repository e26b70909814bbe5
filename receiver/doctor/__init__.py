"""The doctor: looks at everything that a callback depends on, and says what is wrong and what mends it."""
