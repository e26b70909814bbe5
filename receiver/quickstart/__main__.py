"""`python -m receiver.quickstart`."""

from receiver.quickstart.run import main

main()
