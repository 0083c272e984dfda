"""The exit codes of `funcdex`, which whoever starts it as a process reads; `docs/dagster.md` lists them for users."""

FAILED = 1
USAGE = 2
SHORTFALL = 3
"""What could be made was made, and is less than was wanted."""
SIGNAL = 128
"""To which the number of the signal is added, as shells do: 130 for Ctrl-C, 143 for a request to terminate."""
