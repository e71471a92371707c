"""One POST to a subscriber, with an end to it (contract.md 7.1)."""

import functools
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any

import httpcore2
from httpcore2 import NetworkBackend, NetworkStream, SyncBackend

from pointport.plumbing.webhooks import targets
from pointport.plumbing.webhooks.delivering import ERROR_CHARACTERS_MAX, Sent
from pointport.plumbing.webhooks.targets import Refused, Resolve

HEADERS = [
    (b"Content-Type", b"text/plain; charset=utf-8"),
    (b"User-Agent", b"Pointport"),
    (b"Accept", b"*/*"),
    (b"Connection", b"close"),
]
LEAST_SECONDS = 0.001


def send(
    url: str,
    body: str,
    *,
    timeout_seconds: float,
    private_allowed: bool,
    resolve: Resolve = targets.resolve,
    ssl_context: ssl.SSLContext | None = None,
) -> Sent:
    """Send a body and return what came of it, in all within the time; never raises."""
    begun = time.monotonic()
    finished = partial(_finished, begun)
    try:
        target = targets.read_target(url, private_allowed=private_allowed)
        backend = _Guarded(begun + timeout_seconds, private_allowed, resolve)
        with httpcore2.ConnectionPool(network_backend=backend, ssl_context=ssl_context or _trusted()) as pool:
            headers = [(b"Host", _host(target)), *HEADERS]
            # The answer's body is of no interest, and may have no end.
            with pool.stream("POST", url, headers=headers, content=body.encode()) as response:
                return finished(status_code=response.status)
    except Refused as error:
        return finished(error=f"not sent: the target {error}")
    except httpcore2.TimeoutException:
        return finished(error=f"no answer within {timeout_seconds:g} seconds")
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as error:
        return finished(error=f"no answer: {str(error) or type(error).__name__}")


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The authorities that everybody trusts; reading them takes longer than many a receiver takes to answer."""
    return httpcore2.default_ssl_context()


def _finished(begun: float, *, status_code: int | None = None, error: str | None = None) -> Sent:
    told = error[:ERROR_CHARACTERS_MAX] if error else None
    return Sent(status_code, told, round((time.monotonic() - begun) * 1_000))


def _host(target: targets.Target) -> bytes:
    """Return the name that TLS verifies and the receiver sees, whatever address the connection goes to."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return (host if target.has_standard_port else f"{host}:{target.port}").encode()


class _Guarded(NetworkBackend):
    """Connects to no address that was not looked at, and waits for nothing beyond the deadline."""

    def __init__(self, deadline: float, private_allowed: bool, resolve: Resolve) -> None:
        self._deadline = deadline
        self._private_allowed = private_allowed
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        """Connect to the first address that answers."""
        found = self._look_up(host, port)
        connect = partial(
            SyncBackend().connect_tcp, port=port, local_address=local_address, socket_options=socket_options
        )
        for address in found[:-1]:
            try:
                return _Hurried(connect(address, timeout=_left(self._deadline)), self._deadline)
            except httpcore2.ConnectError:
                continue
        return _Hurried(connect(found[-1], timeout=_left(self._deadline)), self._deadline)

    def _look_up(self, host: str, port: int) -> list[str]:
        """Look a host up, and leave a name server that is slow to answer behind: the system's resolver knows no hurry."""
        found: Future[list[str]] = Future()

        def look_up() -> None:
            try:
                found.set_result(
                    targets.look_up(host, port, private_allowed=self._private_allowed, resolve=self._resolve)
                )
            except Refused as refused:
                found.set_exception(refused)

        threading.Thread(target=look_up, name="webhook-lookup", daemon=True).start()
        try:
            return found.result(_left(self._deadline))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error


class _Hurried(NetworkStream):
    """A connection on which nothing takes longer than what is left of the time."""

    def __init__(self, inner: NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See NetworkStream."""
        return self._inner.read(max_bytes, _time_for(httpcore2.ReadTimeout, self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See NetworkStream."""
        self._inner.write(buffer, _time_for(httpcore2.WriteTimeout, self._deadline))

    def close(self) -> None:
        """See NetworkStream."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        """See NetworkStream."""
        left = _time_for(httpcore2.ConnectTimeout, self._deadline)
        return _Hurried(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """See NetworkStream."""
        return self._inner.get_extra_info(info)


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), LEAST_SECONDS)


def _time_for(late: Callable[[], Exception], deadline: float) -> float:
    """Return what is left of the time. Raises `late` when nothing is."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise late()
    return left
