"""What an e-mail address is, and when two spellings are one.

Two addresses are the same customer when their normal forms are equal (design.md 5): blanks and invisible characters
around them are nothing, full-width characters are their plain ones (NFKC), case does not count, a punycode domain is
the Unicode domain, `mailto:` and `Name <address>` are wrappings. Dots and plus tags are left alone: whether they count
is the mail server's business.
"""

import re
import unicodedata

import idna

ADDRESS_CHARACTERS_MAX = 254
LOCAL_CHARACTERS_MAX = 64
TEXT_CHARACTERS_MAX = 1_000
"""A longer text holds no address, wrapped or not; normalising one of many thousand characters may take seconds."""
INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"

PLAIN_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII)
PLAIN = re.compile(
    rf"(?=[^@]{{1,{LOCAL_CHARACTERS_MAX}}}@)[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*@{PLAIN_DOMAIN.pattern}", re.ASCII
)
"""What nearly every address looks like; a domain label that starts with `xn--` takes the longer way."""

WRAPPED = re.compile(r"[^<>]*<([^<>]*)>", re.DOTALL)
LOCAL = re.compile(r"""[^\s@"(),:;<>\[\]\\\x00-\x1f\x7f-\x9f]+""")


def normal_form(text: str) -> str | None:
    """Return the address in the form in which it is stored and compared, or None when it is none."""
    if len(text) <= ADDRESS_CHARACTERS_MAX and "xn--" not in text and PLAIN.fullmatch(text):
        return text
    lowered = text.strip().lower()
    if len(lowered) <= ADDRESS_CHARACTERS_MAX and "xn--" not in lowered and PLAIN.fullmatch(lowered):
        return lowered
    return _careful(text)


def trimmed(text: str) -> str:
    """Return the text without the blanks and invisible characters around it (NBSP, BOM, zero-width, control characters)."""
    if not text or (text[0].isalnum() and text[-1].isalnum()):
        return text
    start, end = 0, len(text)
    while start < end and _is_padding(text[start]):
        start += 1
    while end > start and _is_padding(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_padding(character: str) -> bool:
    return character.isspace() or character in INVISIBLE or unicodedata.category(character) == "Cc"


def _careful(text: str) -> str | None:
    address = trimmed(text)
    if len(address) > TEXT_CHARACTERS_MAX:
        return None
    address = _folded(address)
    wrapped = WRAPPED.fullmatch(address)
    if wrapped:
        address = trimmed(wrapped[1])
    address = trimmed(address.removeprefix("mailto:"))
    local, at, domain = address.rpartition("@")
    unicode_domain = _domain(domain)
    if not at or unicode_domain is None or not LOCAL.fullmatch(local) or len(local) > LOCAL_CHARACTERS_MAX:
        return None
    if any(unicodedata.category(character) in {"Cf", "Cs", "Co", "Cn"} for character in local):
        return None
    found = f"{local}@{unicode_domain}"
    return found if len(found) <= ADDRESS_CHARACTERS_MAX else None


def _folded(text: str) -> str:
    """NFKC, lower case, and NFKC again, since lower case may come apart: doing it twice changes nothing more."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _domain(domain: str) -> str | None:
    """Return the domain in Unicode, or None when it is no domain with at least two labels (IDNA 2008, UTS 46)."""
    if "xn--" not in domain and PLAIN_DOMAIN.fullmatch(domain):
        return domain
    try:
        ascii_form = idna.encode(domain, uts46=True).decode("ascii")
        unicode_form = idna.decode(ascii_form)
    except (idna.IDNAError, UnicodeError):
        return None
    labels = ascii_form.split(".")
    if len(labels) == 1 or labels[-1].isdigit() or "" in labels:
        return None
    return unicode_form
