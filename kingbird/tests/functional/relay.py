"""A TCP relay on loopback that can be cut or held, so that a service seems to stop."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

_CHUNK = 65536


class Relay:
    """Relays connections to a service until :meth:`cut`, and again after :meth:`mend`.

    Between :meth:`stall` and :meth:`go_on` connections stay open, but no data passes.

    :param url: the service's URL.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._port = 0
        self._flowing = threading.Event()
        self._flowing.set()

    @property
    def url(self) -> str:
        """Return the service's URL with the address of this relay."""
        host = f"127.0.0.1:{self._port}"
        user = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{user}@{host}" if user else host).geturl()

    def __enter__(self) -> "Relay":
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def mend(self) -> None:
        """Listen on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(64)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def drop(self) -> None:
        """Close all connections.  New ones are possible."""
        with self._lock:
            ended = [*self._open]
        for each in ended:
            _shut(each)

    def cut(self) -> None:
        """Close all connections and stop listening."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _shut(listener)
        self.drop()
        self.go_on()

    def stall(self) -> None:
        """Hold data in both directions until :meth:`go_on`."""
        self._flowing.clear()

    def go_on(self) -> None:
        """Pass on held data and all later data."""
        self._flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        with listener, contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        target = (self._parts.hostname or "127.0.0.1", self._parts.port or 0)
        with client, contextlib.ExitStack() as stack:
            try:
                service = stack.enter_context(socket.create_connection(target))
            except OSError:
                # The service is away, and the client's connection ends.
                return
            with self._lock:
                self._open += [client, service]
            if self._listener is None:
                # The relay was cut while this connection was made.
                _shut(client)
            back = threading.Thread(target=self._pump, args=(service, client), daemon=True)
            back.start()
            self._pump(client, service)
            # A socket may be closed only after both threads have stopped reading.
            back.join()
            with self._lock:
                self._open.remove(client)
                self._open.remove(service)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._flowing.wait()
                sink.sendall(data)
        _shut(source)
        _shut(sink)


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
