"""What a file is that is no CSV at all, known by how it begins, and the way out.

A CSV may begin with almost anything, so a mark that could be typed, like `GIF89a` or `{`, is no proof by itself: it takes
what only the real thing has behind it.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from pointport.errors import FileRejected

LOOK_BYTES = 64 * 1024
"""More than this of a beginning tells nothing new."""

PLEASE = "Open it in Excel or LibreOffice and save the list as “CSV UTF-8”, or as an .xlsx workbook, and upload that."
EXPORT = "Export the list from the program it comes from as CSV, and upload that."


@dataclass(frozen=True)
class Refusal:
    """A kind of file: its code, what it is in plain words, and what to do instead."""

    code: str
    what: str
    advice: str


PDF = Refusal(code="PDF_FILE", what="a PDF document, from which no table can be read", advice=EXPORT)
IMAGE = Refusal(code="IMAGE_FILE", what="a picture ({})", advice=EXPORT)
WEB_PAGE = Refusal(
    code="HTML_FILE",
    what="a web page (HTML). Some programs save their lists so and call them .xls or .csv; a page that asks to sign in,"
    " or that tells of a failure, is one too",
    advice="Open it in a browser to see which. A list: open it in Excel, save it as “CSV UTF-8”, and upload that.",
)
OLD_WORKBOOK = Refusal(
    code="OLD_WORKBOOK",
    what="a workbook in the format of Excel 97 to 2003 (.xls), or one with a password",
    advice=PLEASE,
)
ENCRYPTED = Refusal(
    code="WORKBOOK_ENCRYPTED",
    what="a workbook with a password",
    advice="Open it in Excel, remove the password (File, Info, Protect Workbook, Encrypt with Password), save it and"
    " upload it again.",
)
XML_SHEET = Refusal(code="XML_FILE", what="a workbook in XML (XML Spreadsheet 2003)", advice=PLEASE)
XML = Refusal(code="XML_FILE", what="an XML file", advice=EXPORT)
RICH_TEXT = Refusal(
    code="RTF_FILE",
    what="a document with formatted text (RTF)",
    advice="Save it as plain text, or as CSV, and upload that.",
)
COMPRESSED = Refusal(
    code="COMPRESSED_FILE", what="a compressed archive ({})", advice="Unpack it and upload the CSV file that is in it."
)
DATABASE = Refusal(
    code="DATABASE_FILE", what="a database ({})", advice="Export the table from it as CSV, and upload that."
)
JSON = Refusal(code="JSON_FILE", what="a JSON file", advice=EXPORT)
UTF_32 = Refusal(
    code="INVALID_ENCODING", what="text in UTF-32, which hardly any program reads", advice="Save it as “CSV UTF-8”."
)
OTHER_DOCUMENT = Refusal(code="BINARY_FILE", what="{}", advice="Save the list in it as “CSV UTF-8” and upload that.")
BINARY = Refusal(code="BINARY_FILE", what="no text: it holds bytes that no text has", advice=EXPORT)

SIGNATURES: tuple[tuple[Refusal, str, re.Pattern[bytes]], ...] = tuple(
    (refusal, name, re.compile(pattern, re.DOTALL))
    for refusal, name, pattern in (
        (PDF, "", rb"(?:\xef\xbb\xbf)?\s{0,9}%PDF-\d\.\d\s*[\r\n%]"),
        (IMAGE, "PNG", rb"\x89PNG\r\n\x1a\n"),
        (IMAGE, "JPEG", rb"\xff\xd8\xff[\xc0-\xfe].{0,40}\x00"),
        # Width, height, flags, background, and the shape of its dots: 0 but for the oldest.
        (IMAGE, "GIF", rb"GIF8[79]a.{6}\x00"),
        (IMAGE, "WebP", rb"RIFF.{4}WEBPVP8[ LX].{0,12}\x00"),
        (IMAGE, "BMP", rb"BM.{4}\x00{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00{3}"),
        (IMAGE, "TIFF", rb"II[*+]\x00.{3}\x00|MM\x00[*+]\x00"),
        (IMAGE, "HEIC", rb"\x00{3}.ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|avi[fs])"),
        # A workbook older than compound files: its first record, as some programs write it to this day.
        (OLD_WORKBOOK, "", rb"\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00"),
        (RICH_TEXT, "", rb"\{\\rtf1?\\[a-z]"),
        (COMPRESSED, "ZIP", rb"PK(?:\x03\x04|\x05\x06|\x07\x08)"),
        (COMPRESSED, "gzip", rb"\x1f\x8b\x08"),
        (COMPRESSED, "7z", rb"7z\xbc\xaf\x27\x1c"),
        (COMPRESSED, "RAR", rb"Rar!\x1a\x07"),
        (COMPRESSED, "xz", rb"\xfd7zXZ\x00"),
        (COMPRESSED, "bzip2", rb"BZh[1-9]1AY&SY"),
        (COMPRESSED, "Zstandard", rb"\x28\xb5\x2f\xfd"),
        (COMPRESSED, "tar", rb"(?=.{1,99}\x00).{257}ustar[\x00 ]"),
        (DATABASE, "SQLite", rb"SQLite format 3\x00"),
        (DATABASE, "Access", rb"\x00\x01\x00\x00Standard (?:Jet|ACE) DB\x00"),
        (UTF_32, "", rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff|(?:[\t\r\n -~]\x00{3}){4}|(?:\x00{3}[\t\r\n -~]){4}"),
    )
)
"""How they begin, those with marks that are bytes."""

COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
STREAMS = (
    ("EncryptedPackage", ENCRYPTED, ""),
    ("WordDocument", OTHER_DOCUMENT, "a Word document (.doc)"),
    ("PowerPoint Document", OTHER_DOCUMENT, "a PowerPoint presentation (.ppt)"),
    ("__properties_version1.0", OTHER_DOCUMENT, "an Outlook message (.msg)"),
)
"""What a compound file of old Office programs holds besides workbooks, by the names in its directory."""


def refuse(head: bytes) -> None:
    """Raise FileRejected when a file that begins like this is no text: what it is, and what to do.

    `head` is the first bytes of the file, better 64 KiB than less. A ZIP archive is refused too; whether it is a workbook
    is asked before (`workbook.is_zip`).
    """
    head = head[:LOOK_BYTES]
    for refusal, name, signature in SIGNATURES:
        if signature.match(head):
            raise _told(refusal, name)
    if head.startswith(COMPOUND_FILE):
        raise _told(*_compound(head))
    text = _as_text(head)
    for refusal, is_it in TEXTS:
        if is_it(text):
            raise _told(refusal)
    if _is_binary(head):
        raise _told(BINARY)


def _told(refusal: Refusal, name: str = "") -> FileRejected:
    return FileRejected(f"The file is {refusal.what.format(name)}. {refusal.advice}", code=refusal.code)


def _compound(head: bytes) -> tuple[Refusal, str]:
    for stream, refusal, name in STREAMS:
        if stream.encode("utf-16-le") in head:
            return refusal, name
    return OLD_WORKBOOK, ""


# --- Kinds of text --------------------------------------------------------------------------------------------------------

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
"""How a text begins that is not one byte for each mark of HTML, XML or JSON."""
BOM = "\ufeff"
REPLACED = "\ufffd"


def _as_text(head: bytes) -> str:
    """Return the beginning as text in which ASCII is right, whatever else is."""
    encoding = next((name for mark, name in BOMS if head.startswith(mark)), "latin-1")
    return head.decode(encoding, "replace").removeprefix(BOM)


BEFORE = r"\A\s*(?:<\?xml\b[^>]*\?>\s*)?(?><!--.*?-->\s*)*+"
WEB_PAGE_START = re.compile(
    BEFORE
    + r"(?:<!doctype\s+html\b|<(?:html|head|body|table|meta|style|script|title|div|center|font)\b[^<>]*>(?!\s*[,;|]))",
    re.IGNORECASE | re.DOTALL,
)
WEB_PAGE_INSIDE = re.compile(
    r"<(?:/?(?:html|head|body|table|tr|td|th|title|style|script|div|p|h[1-6]|pre|font)|meta|br)\b[^<>]*>", re.IGNORECASE
)
WEB_ARCHIVE = re.compile(r"\AMIME-Version:\s*1\.0\b.{0,2000}?\bmultipart/related\b", re.IGNORECASE | re.DOTALL)
"""A web page with its pictures in one file, as Excel and old reports save it."""

XML_START = re.compile(r"\A\s*<\?xml\s+version\s*=\s*[\"'][^>]*\?>")
XML_SHEET_INSIDE = re.compile(
    r"<\?mso-application\s+progid=\"Excel\.Sheet\"\?>|urn:schemas-microsoft-com:office:spreadsheet"
)


def _is_web_page(text: str) -> bool:
    if WEB_ARCHIVE.match(text):
        return True
    start = WEB_PAGE_START.match(text)
    return start is not None and WEB_PAGE_INSIDE.search(text, start.end()) is not None


def _is_xml_sheet(text: str) -> bool:
    return XML_SHEET_INSIDE.search(text) is not None and (_is_xml(text) or text.lstrip().startswith("<Workbook"))


def _is_xml(text: str) -> bool:
    return XML_START.match(text) is not None


JSON_START = re.compile(r"\A\s*(?:\[\s*)*\{\s*\"(?:[^\"\\\r\n]|\\.)*\"\s*:")
JSON_TOKEN = re.compile(r"\s+|[\[\]{}:,]|\"(?:[^\"\\]|\\(?:.|\Z))*+(?:\"|\Z)|-?\d[\d.eE+-]*|true|false|null", re.DOTALL)
JSON_WORD_CUT = re.compile(r"\s*[a-z-]{0,4}\Z")


def _is_json(text: str) -> bool:
    """Tell whether a text is JSON as far as it goes: one value, or one in each line.

    Behind a cell of a CSV that is in braces there is a delimiter.
    """
    if JSON_START.match(text) is None:
        return False
    depth = end = 0
    for token in JSON_TOKEN.finditer(text):
        if token.start() != end:
            return False
        end = token.end()
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth <= 0:
                rest = text[end:].lstrip(" \t\r")
                return depth == 0 and (not rest or rest.startswith("\n"))
    return JSON_WORD_CUT.match(text, end) is not None


TEXTS: tuple[tuple[Refusal, Callable[[str], bool]], ...] = (
    (WEB_PAGE, _is_web_page),
    (XML_SHEET, _is_xml_sheet),
    (XML, _is_xml),
    (JSON, _is_json),
)


# --- Bytes that are no text -----------------------------------------------------------------------------------------------

CONTROLS = bytes({*range(1, 9), *range(0x0E, 0x1A), *range(0x1C, 0x20), 0x7F})
"""Control bytes that text has only by accident. Tab, line ends, form feed, escape and the end mark of DOS are none."""
CONTROL_SHARE_MAX = 0.02
CONTROL_KINDS_MIN = 6
"""Texts may be divided by control characters, of one kind or two; a program's bytes have all kinds."""
NUL_SHARE_MAX = 0.3
NULS_MIN = 8
ODD_SHARE_MAX = 0.02
PLAIN_SHARE_MIN = 0.2
"""A list of customers has addresses, numbers and delimiters in ASCII, whatever the script of its names."""


def _is_binary(head: bytes) -> bool:
    """Tell whether bytes are text in no encoding: neither one of a byte for each character, nor UTF-16.

    NULs behind the text are none of it: some systems fill a file up with them.
    """
    body = head.rstrip(b"\0")
    if not body:
        return bool(head)
    nuls = body.count(0)
    controls = nuls + len(body) - len(body.translate(None, CONTROLS))
    has_controls = controls > CONTROL_SHARE_MAX * len(body) and len(set(body) & set(CONTROLS)) >= CONTROL_KINDS_MIN
    has_nuls = nuls > NUL_SHARE_MAX * len(body) and nuls >= NULS_MIN
    return (has_controls or has_nuls) and not any(_is_text(body, name) for name in ("utf-16-le", "utf-16-be"))


def _is_text(head: bytes, encoding: str) -> bool:
    """Tell whether bytes read in an encoding are characters, hardly any controls, and enough of them plain ones."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    odd = text.count(REPLACED) + sum(character < " " and not character.isspace() for character in text)
    plain = sum(" " <= character <= "~" or character in "\t\r\n" for character in text)
    return odd <= ODD_SHARE_MAX * len(text) + 1 and (text.startswith(BOM) or plain >= PLAIN_SHARE_MIN * len(text))
