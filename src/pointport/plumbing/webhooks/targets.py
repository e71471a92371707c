"""Where webhooks may go: to the public internet over TLS, and never to a machine behind our own walls.

A subscriber names any host, so what it resolves to is looked at each time, and the connection goes to the very address
that was looked at: a name that resolves to something else a moment later gains nothing.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

URL_CHARACTERS_MAX = 2_000
STANDARD_PORTS = {"https": 443, "http": 80}
SCHEMES = tuple(STANDARD_PORTS)
"""What a URL may begin with; the second one only where private targets are allowed."""

WRAPPINGS = (ip_network("64:ff9b::/96"), ip_network("::/96"))
"""IPv6 that holds IPv4 in its last 32 bits: NAT64 (RFC 6052), and what was there before (RFC 4291, 2.5.5.1)."""

GLOBAL_UNICAST = ip_network("2000::/3")
"""All of IPv6 that was ever given out. Python calls more than that global: site-local, local NAT64, what is reserved."""

SET_ASIDE = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))
"""What is no place of anybody's, and global to some versions of Python: protocols, relays, Teredo, documentation."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """A target that nothing is sent to; the text says why."""


@dataclass(frozen=True)
class Target:
    """A place to send to."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def has_standard_port(self) -> bool:
        """Whether the port goes without saying."""
        return self.port == STANDARD_PORTS[self.scheme]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, by the system's own resolver. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def read_target(url: str, *, private_allowed: bool) -> Target:
    """Read a subscriber's URL. Raises Refused for what is none, or no https, or holds a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("is no URL") from error
    schemes = SCHEMES if private_allowed else SCHEMES[:1]
    told = f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if parts.scheme not in SCHEMES or not host or not url.isascii() or any(character <= " " for character in url):
        raise Refused(told)
    if parts.scheme not in schemes:
        raise Refused(f"{told}; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows http:// too")
    if parts.username is not None or parts.password is not None:
        raise Refused("must not hold a user name or password")
    if parts.fragment:
        raise Refused("must not hold a fragment")
    if len(url) > URL_CHARACTERS_MAX:
        raise Refused(f"must have at most {URL_CHARACTERS_MAX} characters")
    return Target(url, parts.scheme, host, port or STANDARD_PORTS[parts.scheme])


def look_up(host: str, port: int, *, private_allowed: bool, resolve: Resolve = resolve) -> list[str]:
    """Return the addresses of a host, all of which may be sent to. Raises Refused."""
    try:
        found = list(resolve(host, port))
    except (OSError, UnicodeError) as error:
        raise Refused(f"names the host {host}, which cannot be found") from error
    if not found:
        raise Refused(f"names the host {host}, which has no address")
    for text in found:
        if not private_allowed and not is_public(text):
            raise Refused(
                f"leads to {text}, which is not on the public internet; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows it"
            )
    return found


def is_public(text: str) -> bool:
    """Tell whether an address is on the public internet, whatever it is wrapped in."""
    address = _unwrapped(ip_address(text.partition("%")[0]))
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    # `is_reserved` means IPv4's class E; of IPv6 it knows less than the line above.
    odd = address.is_multicast or address.is_reserved or any(address in network for network in SET_ASIDE)
    return address.is_global and not odd


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one: mapped, 6to4, NAT64 or compatible."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in wrapping for wrapping in WRAPPINGS):
        return IPv4Address(address.packed[-4:])
    return address
