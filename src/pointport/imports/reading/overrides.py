"""What a person says of how a file is written, checked: each overrides what would be found out (design.md 4)."""

from pointport.errors import InvalidRequest, Violation
from pointport.imports.reading import encoding
from pointport.imports.shapes import Reading

DELIMITERS = "\t !#$%&*,/:;<=>?^|~"
"""What may divide cells: no letter, no digit, and nothing that numbers and e-mail addresses are made of."""

QUOTES = ('"', "'", "")
"""Nothing says that quotes mean nothing."""

SHEET_CHARACTERS_MAX = 255

NAMED = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
    "colon": ":",
    "space": " ",
    "double": '"',
    "single": "'",
    "none": "",
}
"""What is hard to type, by name."""


def reading(
    *,
    encoding_name: str | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    heading_line: int | None = None,
    sheet: str | None = None,
) -> Reading:
    """Return what is said, in our spelling. Raises InvalidRequest for what cannot be meant."""
    return Reading(
        encoding=None if encoding_name is None else _encoding(encoding_name),
        delimiter=None if delimiter is None else _one_of("delimiter", delimiter, DELIMITERS),
        quote=None if quote is None else _one_of("quote", quote, QUOTES),
        heading_line=heading_line,
        sheet=sheet,
    )


def _encoding(name: str) -> str:
    found = encoding.known(name)
    if found is None:
        known = ", ".join(encoding.NAMES)
        raise InvalidRequest(Violation("encoding", f'"{name}" is not read; these are: {known}', "INVALID_ENUM_VALUE"))
    return found


def _one_of(field: str, text: str, allowed: str | tuple[str, ...]) -> str:
    meant = NAMED.get(text.lower(), text)
    if meant not in tuple(allowed):
        shown = " ".join(one.replace("\t", "tab").replace(" ", "space") or "none" for one in allowed)
        raise InvalidRequest(Violation(field, f'"{text}" cannot be it; these can: {shown}', "INVALID_ENUM_VALUE"))
    return meant
