"""The errors of minicloud."""


class MinicloudError(Exception):
    """A failure with a message for the user, which is printed without a traceback."""


class PortTaken(MinicloudError):
    """Another process listens on a port of this cloud."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} on 127.0.0.1 is taken by another process; end that, "
            "or use --free-ports while nothing of this cloud runs"
        )
        self.port = port
