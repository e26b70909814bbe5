"""Measurements that state their question, their machine and their bars, and check what they measured.

`python -m bench <name> [--quick] [--json]`. Everything runs on this machine: the service as a process of its
own on a free loopback port, a fresh database, and a load generator beside it. A throughput counts only if
everything that was answered 200 is stored. `--quick` shows that a bench works; its figures are too short to
be quoted.
"""
