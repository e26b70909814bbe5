"""Functions of the owner's own as targets: the processes they run in, and the target of each."""
