"""Getting numbers and pointing them at this service: decide first, act second.

`survey` asks the provider what is, and settles what earlier runs left open; `plan`, a pure function, decides
what is to be done and what it costs; `apply` does it step by step, each written into the `Journal` first, and
reads back. So a run that was stopped anywhere is continued by the next one, and nothing is bought twice or
given up.
"""
