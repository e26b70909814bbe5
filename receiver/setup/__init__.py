"""Getting numbers and pointing them at this service: decide first, act second.

`survey` asks the provider what there is, and settles what earlier runs left open; `plan`, a pure function,
decides what to do and what it costs; `apply` does it step by step, writes each step into the `Journal` before
it is sent, and reads back. A run that was stopped anywhere is continued by the next one, and nothing is
bought twice or given up.
"""
