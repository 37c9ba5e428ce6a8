"""An end for one exchange over HTTP, whatever part of it drips.

Timeouts of sockets are for each read, and the libraries read on by themselves: a server that sends a header byte by
byte, one ``100 Continue`` after another, a chunk's extension, trailers, or compressed data that becomes nothing keeps a
thread for days. So the socket is shut down from outside, and the read that waits for it ends.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_CURRENT = threading.local()


class Deadline:
    """Shuts the connection of this thread's exchange down when its time is over.

    :param seconds: from entering
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._over = False
        self.has_passed = False

    def __enter__(self) -> None:
        """Begin."""
        _CURRENT.deadline = self
        self._timer.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let the connection live: another thread may use it from now on."""
        _CURRENT.deadline = None
        self._timer.cancel()
        with self._lock:
            self._over, self._socket = True, None

    def watch(self, used: socket.socket | None) -> None:
        """Name the connection that is used."""
        with self._lock:
            self._socket = used
            if self.has_passed:
                _shut_down(used)

    def _shut(self) -> None:
        with self._lock:
            if not self._over:
                self.has_passed = True
                _shut_down(self._socket)


def _shut_down(used: socket.socket | None) -> None:
    if used is not None:
        with contextlib.suppress(OSError):
            # Not that of SSLSocket: it takes the cipher away from under the thread that reads.
            socket.socket.shutdown(used, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    def send(self, data: Any) -> None:
        """Send, and say over which socket: it is opened by the first bytes."""
        super().send(data)
        _tell(self)


class _TlsConnection(HTTPSConnection):
    def send(self, data: Any) -> None:
        """As above; a proxy is spoken to before the handshake, over the same socket."""
        super().send(data)
        _tell(self)

    def _tunnel(self) -> None:
        """Begin no handshake over a proxy's connection that was shut down: it would look like one not made yet."""
        super()._tunnel()
        deadline = _deadline()
        if deadline is not None and deadline.has_passed:
            raise TimeoutError


def _deadline() -> Deadline | None:
    return getattr(_CURRENT, "deadline", None)


def _tell(connection: HTTPConnection) -> None:
    deadline = _deadline()
    if deadline is not None:
        deadline.watch(connection.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """Connections that a :class:`Deadline` can end, also those through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **kwargs)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pools of a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        _watch_pools(manager)
        return manager


def _watch_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
