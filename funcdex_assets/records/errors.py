"""The one kind of error that a user can remedy.

>>> issubclass(UserError, Exception)
True
"""


class UserError(Exception):
    """An error whose message names the place, the value and the remedy; a command prints it without a traceback."""
