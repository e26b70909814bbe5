"""`python -m receiver.cli`: the same as `receiver`, without an installed command."""

from receiver.cli.main import main

main()
