"""When two spellings are one address, and what is none."""

# ruff: noqa: RUF001 (full-width characters are what is tried here)

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointport.ledger.addresses import normal_form, trimmed


@pytest.mark.parametrize(
    "spelling",
    [
        "ada@example.com",
        "ADA@Example.COM",
        "  ada@example.com\t",
        "\u00a0ada@example.com\u00a0",
        "\ufeffada@example.com",
        "\u200bada@example.com\u200b\u200d",
        "\u00adada@example.com\u2060",
        "\x00ada@example.com\x07",
        "\u3000ada@example.com",
        "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "ada@example。com",
        "mailto:ada@example.com",
        "MAILTO:ada@example.com",
        "Ada Lovelace <ada@example.com>",
        '"Lovelace, Ada" <Ada@Example.com>',
        "<ada@example.com>",
        "< ada@example.com >",
        "Ada <mailto:ada@example.com>",
        "Ada\n<ada@example.com>",
    ],
)
def test_these_are_all_one_address(spelling: str) -> None:
    assert normal_form(spelling) == "ada@example.com"


@pytest.mark.parametrize(
    ("spelling", "normal"),
    [
        ("ada@xn--bcher-kva.example", "ada@bücher.example"),
        ("ada@BÜCHER.example", "ada@bücher.example"),
        ("ada@bu\u0308cher.example", "ada@bücher.example"),
        ("ada@straße.example", "ada@straße.example"),
        ("ada@xn--p1ai.xn--p1ai", "ada@рф.рф"),
        ("ada@例え.テスト", "ada@例え.テスト"),
        ("ZOË@example.org", "zoë@example.org"),
        ("用户@example.org", "用户@example.org"),
        ("a@b.c", "a@b.c"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("a!#$%&*/=?^`{|}~b@example.com", "a!#$%&*/=?^`{|}~b@example.com"),
        ("a@sub.sub.example.museum", "a@sub.sub.example.museum"),
        ("a@123.example", "a@123.example"),
        ("a@r3---sn-4g5e.example.com", "a@r3---sn-4g5e.example.com"),
        ("\u200ba@r3---sn-4g5e.example.com", "a@r3---sn-4g5e.example.com"),
        # RFC 5322 knows no such dots, but Japanese carriers gave out many addresses that have them.
        ("ada..lovelace.@docomo.example", "ada..lovelace.@docomo.example"),
        (".ada@example.com", ".ada@example.com"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
        ("x@" + "y" * 63 + ".example", "x@" + "y" * 63 + ".example"),
    ],
)
def test_this_is_the_normal_form(spelling: str, normal: str) -> None:
    assert normal_form(spelling) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada.lovelace@example.com", "adalovelace@example.com"),
        ("ada+shop@example.com", "ada@example.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("zoë@example.com", "zoe@example.com"),
        ("ada@strasse.example", "ada@straße.example"),
    ],
)
def test_these_are_two_addresses(one: str, other: str) -> None:
    assert None is not normal_form(one) != normal_form(other) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u200b",
        "ada",
        "@",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@localhost",
        "ada@@example.com",
        "ada@two@example.com",
        "ada lovelace@example.com",
        "ada@exa mple.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@example.com.",
        "ada@-example.com",
        "ada@example-.com",
        "ada@192.168.0.1",
        "ada@[192.168.0.1]",
        "ada@exam_ple.com",
        "a,da@example.com",
        "ada@example.com, bob@example.com",
        "ada@example.com;bob@example.com",
        "<ada@example.com",
        "ada@example.com>",
        "<ada@example.com> <bob@example.com>",
        "mailto:mailto:ada@example.com",
        "ada\u200b@example.com",
        "ada\x00@example.com",
        "ada@exam\x00ple.com",
        "ada\ud800@example.com",
        "ada@\udcffexample.com",
        "ada@xn--.example",
        "ada@xn--a.example",
        "ada@" + "y" * 64 + ".example",
        "x" * 65 + "@example.com",
        "x@" + "y" * 60 + ("." + "y" * 60) * 4 + ".example",
        "1234",
        "=cmd|'/c calc'!A1",
    ],
)
def test_this_is_no_address(text: str) -> None:
    assert normal_form(text) is None


# Text near an address, so that more than a few of them are some.
parts = st.sampled_from(
    [
        "a",
        "B",
        "é",
        "é",
        "İ",
        "ß",
        "Σ",
        "ｗ",
        "日本",
        "ẞ",
        "ﬁ",
        "x1",
        "1",
        ".",
        "..",
        "-",
        "_",
        "+tag",
        "@",
        "＠",
        "。",
        " ",
        "\xa0",
        "\u200b",
        "\xad",
        "\ufeff",
        "<",
        ">",
        "mailto:",
        "xn--",
        "xn--bcher-kva",
        ".com",
        ".example",
        ".рф",
        "\x00",
        "�",
        "\u202e",
        "²",
        "ͅ",
    ]
)
near_addresses = st.one_of(
    st.lists(parts, max_size=12).map("".join),
    st.tuples(st.lists(parts, max_size=4), st.lists(parts, max_size=4)).map(
        lambda two: "".join(two[0]) + "a@b" + "".join(two[1]) + ".com"
    ),
    st.emails(),
)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(), st.text(st.characters(categories=["Cs", "Cc", "Cf", "Mn", "L"])), near_addresses))
@example("\ud800@\udfff.com")
@example("a@" + "xn--" * 50 + ".com")
@example("a@xn--99999999999999999999.com")
@example("a@\u0378.com")
def test_any_text_has_a_normal_form_or_none_and_it_stays(text: str) -> None:
    normal = normal_form(text)
    if normal is not None:
        assert normal_form(normal) == normal
        assert 3 <= len(normal) <= 254
        assert normal == normal.lower() == trimmed(normal)
        assert not {"\0", "\t", "\n", "\r", "\\"} & set(normal), "it goes to the database as it is (staging.py)"


blanks = st.text(st.sampled_from(" \t\r\n\u00a0\u200b\u200d\ufeff\u00ad\u3000\x00"), max_size=3)


@settings(deadline=None, max_examples=300)
@given(near_addresses, blanks, blanks)
def test_blanks_and_invisible_characters_around_it_change_nothing(text: str, before: str, behind: str) -> None:
    assert normal_form(before + text + behind) == normal_form(text)


@settings(deadline=None, max_examples=300)
@given(st.emails())
@example("a@ab--cd.com")
@example("A@r3---SN-4g5e.example.com")
def test_case_width_and_wrapping_change_nothing(address: str) -> None:
    normal = normal_form(address)
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in address)
    for spelling in (address.upper(), address.lower(), wide, f"mailto:{address}", f"Some One <{address}>"):
        assert normal_form(spelling) == normal


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("abcxyzäöüñßéžøåçłøæ日本語рф"), min_size=1, max_size=10))
def test_a_punycode_domain_is_the_unicode_domain(label: str) -> None:
    punycode = label.encode("punycode").decode("ascii")
    ascii_label = label if label.isascii() else f"xn--{punycode}"
    assert normal_form(f"ada@{ascii_label}.example") == normal_form(f"ada@{label}.example") is not None


@pytest.mark.parametrize(
    "text",
    [
        "a" * 32_767,
        "a@" * 16_000,
        "a@" + "b." * 16_000 + "com",
        "<" * 32_767,
        "<a@b.com" * 4_000,
        "\u0345\u0301" * 16_000 + "@example.com",
        "a@" + "\u0301\u0327" * 16_000 + ".com",
        "ﷺ" * 32_767,
        "a@xn--" + "9" * 32_000 + ".com",
        "x@" + "日" * 32_000 + ".com",
        " " * 32_767,
        "\u200b" * 32_767,
        "a.a.a." * 5_000 + "!",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_no_cell_takes_long(text: str) -> None:
    began = time.process_time()
    assert normal_form(text) is None
    assert time.process_time() - began < 0.2
