"""The two ways to the API: over the network, and over a socket file of this very process.

Only what speaks to the API loads this, since an HTTP client takes as long to load as the rest of the command line.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from pointport.errors import SetupError, Unavailable

NETWORK_SECONDS_MAX = 60


@contextmanager
def over_network(url: str, headers: Mapping[str, str]) -> Iterator[httpx2.Client]:
    """Open a client of a server. Raises SetupError for what is no URL, Unavailable when nobody answers there."""
    _refuse_no_url(url)
    with _telling(), httpx2.Client(base_url=url, headers=headers, timeout=NETWORK_SECONDS_MAX) as http:
        yield http


@contextmanager
def over_socket(socket: Path, headers: Mapping[str, str]) -> Iterator[httpx2.Client]:
    """Open a client of what listens on a socket file; it may take its time, since it works for nobody else."""
    with (
        _telling(),
        httpx2.Client(
            base_url="http://pointport",
            transport=httpx2.HTTPTransport(uds=str(socket)),
            headers=headers,
            timeout=httpx2.Timeout(NETWORK_SECONDS_MAX, read=None),
        ) as http,
    ):
        yield http


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise Unavailable(f"the server cannot be reached: {error}") from error


def _refuse_no_url(text: str) -> None:
    try:
        url = httpx2.URL(text)
        good = url.scheme in {"http", "https"} and url.host != ""
    except httpx2.InvalidURL:
        good = False
    if not good:
        raise SetupError(f"--url must be a URL that begins with http:// or https://, not {text!r}")
