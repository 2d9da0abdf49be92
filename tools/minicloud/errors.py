"""What goes wrong, as a sentence for the person at the keyboard."""


class MinicloudError(Exception):
    """A failure that the message explains; the command line prints it without a traceback."""


class PortTaken(MinicloudError):
    """Another process listens on a port that this cloud was to use."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on 127.0.0.1 is taken by another process; end that, "
            "or use --free-ports while nothing of this cloud runs"
        )
        self.port = port
