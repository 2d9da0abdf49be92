"""What goes wrong, as a sentence for the person at the keyboard."""


class DemoError(Exception):
    """A failure that the message explains; the command line prints it without a traceback."""
