"""The error of the demonstration."""


class DemoError(Exception):
    """A failure with a message for the user, which is printed without a traceback."""
