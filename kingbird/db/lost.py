"""What SQLAlchemy's pool logs of a connection that was lost: one line without a traceback.

Whoever used the connection is told, and tells; that it could not be given back in order either
is no fault of anybody's here.
"""

import logging

#: Where pools log, by their class.
POOLS = "sqlalchemy.pool.impl.QueuePool"
#: What drivers raise, whichever it is, over a connection that is no more.
LOST = frozenset({"OperationalError", "InterfaceError"})


class _Short(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, some without their traceback."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is not None and kind.__name__ in LOST:
            # Its words may hold the database's address.
            record.msg = f"{record.getMessage()}: {kind.__name__}"
            record.args = ()
            record.exc_info = record.exc_text = None
        return True


_short = _Short()


def say_shortly() -> None:
    """Shorten these lines from now on.  Doing it twice does no harm."""
    logging.getLogger(POOLS).addFilter(_short)
