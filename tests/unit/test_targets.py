"""Where webhooks may go: the public internet, and nothing that only looks like it."""

import pytest

from pointport.plumbing.webhooks import sending
from pointport.plumbing.webhooks.targets import Refused, is_public, look_up, read_target

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "::7f00:1",
    "2001:db8::1",
    "fec0::1",
    "64:ff9b:1::7f00:1",
    "::ffff:0:7f00:1",
    "2001::7f00:1",
    "2001:0:808:808::f7f7:f7f7",
    "2001:2::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fe00::1",
    "100::1",
    "192.0.0.8",
    "192.0.0.9",
    "192.88.99.1",
    "2002:c058:6301::1",
    "2002:a9fe:a9fe::1",
    "64:ff9b::a9fe:a9fe",
]
OUTSIDE = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_none_to_send_to(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Refused, match="not on the public internet"):
        look_up("shop.example.com", 443, private_allowed=False, resolve=lambda *_: [address])
    with pytest.raises(Refused):
        look_up("shop.example.com", 443, private_allowed=False, resolve=lambda *_: ["8.8.8.8", address])
    assert look_up("shop.example.com", 443, private_allowed=True, resolve=lambda *_: [address]) == [address]


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is_one_to_send_to(address: str) -> None:
    assert is_public(address)
    assert look_up("shop.example.com", 443, private_allowed=False, resolve=lambda *_: [address]) == [address]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "http://shop.example.com/",
            "must be a URL that begins with https://; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows http:// too",
        ),
        (
            "HTTP://shop.example.com/",
            "must be a URL that begins with https://; POINTPORT_WEBHOOK_PRIVATE_TARGETS allows http:// too",
        ),
        ("http://shop.example.com/a b", "must be a URL that begins with https://"),
        ("shop.example.com", "must be a URL that begins with https://"),
        ("https:///path", "must be a URL that begins with https://"),
        ("https://shop.example.com/a b", "must be a URL that begins with https://"),
        ("https://shöp.example.com/", "must be a URL that begins with https://"),
        ("https://me@shop.example.com/", "must not hold a user name or password"),
        ("https://shop.example.com/#here", "must not hold a fragment"),
        ("https://shop.example.com:port/", "is no URL"),
        ("https://[::1/", "is no URL"),
        (f"https://shop.example.com/{'x' * 2_000}", "must have at most 2000 characters"),
    ],
)
def test_a_target_that_is_none_is_refused_with_why(url: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        read_target(url, private_allowed=False)
    assert str(refused.value) == told


def test_a_target_is_read() -> None:
    assert read_target("https://shop.example.com/hook?a=1", private_allowed=False).port == 443
    target = read_target("http://localhost:8000/hook", private_allowed=True)
    assert (target.host, target.port) == ("localhost", 8000)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://shop.example.com/hook", b"shop.example.com"),
        ("HTTPS://Shop.Example.com/hook", b"shop.example.com"),
        ("https://shop.example.com:443/", b"shop.example.com"),
        ("https://shop.example.com:80/", b"shop.example.com:80"),
        ("HTTP://shop.example.com/", b"shop.example.com"),
        ("http://shop.example.com:443/", b"shop.example.com:443"),
        ("https://[2606:4700::1]/", b"[2606:4700::1]"),
        ("https://[2606:4700::1]:8443/", b"[2606:4700::1]:8443"),
    ],
)
def test_the_receiver_is_told_its_name_as_a_browser_would(url: str, host: bytes) -> None:
    assert sending._host(read_target(url, private_allowed=True)) == host


def test_a_host_that_is_not_found_is_refused() -> None:
    def nowhere(*_: object) -> list[str]:
        raise OSError

    with pytest.raises(Refused, match=r"names the host shop\.example\.com, which cannot be found"):
        look_up("shop.example.com", 443, private_allowed=False, resolve=nowhere)
    with pytest.raises(Refused, match="has no address"):
        look_up("shop.example.com", 443, private_allowed=False, resolve=lambda *_: [])
