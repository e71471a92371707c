"""What is no CSV is named for what it is; whatever a CSV may begin with is let through."""

import bz2
import codecs
import gzip
import io
import json
import lzma
import random
import sqlite3
import struct
import tarfile
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointport.errors import FileRejected
from pointport.imports.reading import refusals

ROWS = "Email,Points\r\nanna.muster@example.com,120\r\nben.sample@example.com,80\r\n"


def rejected(head: bytes) -> FileRejected:
    with pytest.raises(FileRejected) as caught:
        refusals.refuse(head)
    return caught.value


def refusal(head: bytes) -> FileRejected | None:
    try:
        refusals.refuse(head)
    except FileRejected as error:
        return error
    return None


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IEND", b"")
GIF = b"GIF89a" + struct.pack("<HHBBB", 600, 400, 0xF7, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00C\x00"
EXIF = b"\xff\xd8\xff\xe1\x2c\xfeExif\x00\x00MM\x00*\x00\x00\x00\x08"
BMP = b"BM" + struct.pack("<IHHIIii", 1078, 0, 0, 54, 40, 16, 16) + bytes(20)


@pytest.mark.parametrize(
    "head", [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", b"\xef\xbb\xbf%PDF-1.4\r\n", b"\r\n%PDF-2.0\n"]
)
def test_a_pdf_is_told_and_sent_back_to_its_program(head: bytes) -> None:
    error = rejected(head)
    assert error.reason == "PDF_FILE"
    assert "PDF document" in error.message
    assert "as CSV" in error.message


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("PNG", PNG),
        ("GIF", GIF),
        ("JPEG", JPEG),
        ("JPEG", EXIF),
        ("BMP", BMP),
        ("WebP", b"RIFF\x24\x10\x00\x00WEBPVP8 \x18\x10\x00\x00\x30\x01\x00"),
        ("TIFF", b"II*\x00\x08\x00\x00\x00\x0e\x00"),
        ("TIFF", b"MM\x00*\x00\x00\x00\x08\x00\x0e"),
        ("HEIC", b"\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heic"),
        ("HEIC", b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1"),
    ],
)
def test_a_picture_is_told_by_its_kind(name: str, head: bytes) -> None:
    error = rejected(head + bytes(100))
    assert error.reason == "IMAGE_FILE"
    assert f"a picture ({name})" in error.message


HTML_TABLE = (
    "<table border=1>\n<tr><th>Email</th><th>Points</th></tr>\n<tr><td>anna@example.com</td><td>5</td></tr></table>"
)


@pytest.mark.parametrize(
    "text",
    [
        HTML_TABLE,
        f"<html xmlns:x='urn:schemas-microsoft-com:office:excel'>\n<head><meta charset=utf-8></head>{HTML_TABLE}</html>",
        f"\r\n\r\n<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>\r\n<HTML><BODY>{HTML_TABLE}",
        "<!doctype html><title>Sign in</title><p>Your session has ended.",
        f"<?xml version='1.0'?>\n<!-- export -->\n<!-- of today -->\n<html><body>{HTML_TABLE}",
        f"<style>td {{mso-number-format:'@'}}</style>\n{HTML_TABLE}",
        f"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\nContent-Type: multipart/related;\r\n\r\n{HTML_TABLE}",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_web_page_saved_as_xls_is_told_for_what_it_is(text: str, encoding: str) -> None:
    error = rejected(text.encode(encoding))
    assert error.reason == "HTML_FILE"
    assert "web page (HTML). Some programs save their lists so and call them .xls" in error.message


def compound(*streams: str) -> bytes:
    """A compound file of old Office programs: its header, and a directory with these names."""
    header = (codecs.decode("d0cf11e0a1b11ae1", "hex") + bytes(16) + b"\x3e\x00\x03\x00\xfe\xff\x09\x00").ljust(
        512, b"\0"
    )
    entries = [name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", *streams)]
    return header + b"".join(entries)


@pytest.mark.parametrize(
    ("head", "code", "words"),
    [
        (compound("Workbook"), "OLD_WORKBOOK", "Excel 97 to 2003 (.xls)"),
        (compound("Book"), "OLD_WORKBOOK", "Excel 97 to 2003 (.xls)"),
        (compound()[:512], "OLD_WORKBOOK", "or one with a password"),
        (b"\x09\x08\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00", "OLD_WORKBOOK", ".xls"),
        (compound("EncryptionInfo", "EncryptedPackage"), "WORKBOOK_ENCRYPTED", "remove the password"),
        (compound("1Table", "WordDocument"), "BINARY_FILE", "a Word document (.doc)"),
        (compound("PowerPoint Document"), "BINARY_FILE", "a PowerPoint presentation (.ppt)"),
    ],
)
def test_old_office_files_are_told_apart(head: bytes, code: str, words: str) -> None:
    error = rejected(head)
    assert error.reason == code
    assert words in error.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xml_is_told_and_the_kind_that_excel_opens(encoding: str) -> None:
    sheet = (
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet/></Workbook>'
    )
    error = rejected(sheet.encode(encoding))
    assert (error.reason, "XML Spreadsheet 2003" in error.message) == ("XML_FILE", True)
    error = rejected("<?xml version='1.0' encoding='x'?><customers><row points='5'/></customers>".encode(encoding))
    assert (error.reason, "an XML file" in error.message) == ("XML_FILE", True)


def test_rtf_is_told() -> None:
    assert rejected(b"{\\rtf1\\ansi\\ansicpg1252 Email, Points\\par }").reason == "RTF_FILE"


def tar() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("customers.csv"), io.BytesIO())
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("gzip", gzip.compress(ROWS.encode(), mtime=0)),
        ("bzip2", bz2.compress(ROWS.encode())),
        ("xz", lzma.compress(ROWS.encode())),
        ("7z", b"7z\xbc\xaf\x27\x1c\x00\x04"),
        ("RAR", b"Rar!\x1a\x07\x01\x00"),
        ("Zstandard", b"\x28\xb5\x2f\xfd\x24\x10"),
        ("ZIP", b"PK\x03\x04\x14\x00"),
        ("tar", tar()),
    ],
)
def test_an_archive_is_to_be_unpacked(name: str, head: bytes) -> None:
    error = rejected(head)
    assert error.reason == "COMPRESSED_FILE"
    assert f"({name})" in error.message
    assert "Unpack it" in error.message


def test_a_database_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE customer (email TEXT)")
    connection.close()
    assert rejected((tmp_path / "shop.sqlite").read_bytes()).reason == "DATABASE_FILE"
    assert rejected(b"\x00\x01\x00\x00Standard ACE DB\x00\x02").reason == "DATABASE_FILE"


CUSTOMERS = [
    {"email": f"anna{number}@example.com", "points": number, "vip": number % 2 == 0, "note": None}
    for number in range(9)
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CUSTOMERS),
        json.dumps({"customers": CUSTOMERS}, indent=2),
        "\n".join(json.dumps(customer) for customer in CUSTOMERS),
        '{"data":[{"email":"a\\"b@example.com"}]}\n',
    ],
)
def test_json_is_told_wherever_its_beginning_ends(text: str) -> None:
    for end in range(40, len(text) + 1):
        assert rejected(text[:end].encode()).reason == "JSON_FILE", text[:end]


@pytest.mark.parametrize("size", [200, 2_000, 64 * 1024])
def test_bytes_of_a_program_are_no_text(size: int) -> None:
    chance = random.Random(size)  # noqa: S311 (no secret)
    for _ in range(20):
        error = rejected(chance.randbytes(size))
        assert error.reason == "BINARY_FILE"
        assert "bytes that no text has" in error.message


def test_a_file_of_nothing_but_nuls_is_no_text() -> None:
    assert rejected(bytes(10)).reason == "BINARY_FILE"
    assert rejected(b"\x7fELF\x02\x01\x01" + bytes(60) + b"\x03\x00>\x00\x01").reason == "BINARY_FILE"


IDEOGRAPHS = "一丁七丈与世丘丞"
"""Their bytes in UTF-16 are control characters, half of them."""


@pytest.mark.parametrize(
    "content",
    [
        (IDEOGRAPHS * 20).encode("utf-16-le"),
        b"".join(struct.pack("<HH", character, 1) for character in b"numbers of 32 bits that are letters by chance"),
    ],
)
def test_bytes_are_no_utf_16_only_because_they_can_be_read_so(content: bytes) -> None:
    assert rejected(content).reason == "BINARY_FILE"


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_is_told(encoding: str) -> None:
    error = rejected(ROWS.encode(encoding))
    assert (error.reason, "UTF-32" in error.message) == ("INVALID_ENCODING", True)


# --- What is let through --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ROWS,
        "GIF89a,points\nGIF89,5\n",
        "BM,points\n",
        "BMW 320i owners,points\nanna@example.com,5\n",
        "RIFFraff,points\n",
        "II*,MM,points\n",
        "%PDF-1.4,points\nx,y\n",
        "PK,points\nPK1,5\n",
        "PAR1,points\n",
        "7z,Rar!,BZh,points\n",
        "SQLite format 3,points\n",
        "ID;P;Q\n1;2;3\n",
        "{id},points\n{1},5\n",
        '{"id"},points\n',
        '{"id": 1},anna@example.com,5\n{"id": 2},ben@example.com,6\n',
        '{"a": 1};5\n',
        '[{"a": 1}],5\n',
        '"{""id"": 1}",5\n',
        "[Email],[Points]\n",
        '["Email","Points"]\n',
        "{\\rtf,points\n",
        "<email>,<points>\nanna@example.com,5\n",
        "<title>,<body>,points\n<b>x</b>,<table><tr></tr></table>,5\n",
        "<table>;points\n<table>;5\n",
        "<html>|points\n",
        "<br />\n<b>Notice</b>: something\nEmail,Points\n",
        "<!-- made by hand -->\nEmail,Points\n",
        "<?php,points\n",
        "<?xml,points\n",
        "MIME-Version: 1.0,points\n",
        "MIME-Version,points\nmultipart/related,5\n",
        "=1+1,points\n",
        "\tpoints\n",
        "☕,points\n",
        "Adresse électronique;Solde\nzoë@example.com;5\n",
    ],
)
def test_what_only_begins_like_something_else_is_let_through(text: str) -> None:
    refusals.refuse(text.encode())


NAMES = {
    "utf-8": "Zoë 日本 Ω ☕ Ерёма",
    "utf-8-sig": "Zoë 日本 Ω ☕ Ерёма",
    "utf-16": "Zoë 日本 Ω ☕ Ерёма",
    "utf-16-le": "山田太郎 渡辺さくら Ерёма",
    "utf-16-be": "山田太郎 渡辺さくら Ерёма",
    "windows-1252": "Zoë Straße €",
    "windows-1250": "Świątek Łódź",
    "windows-1251": "Ерёма Щукин",
    "cp850": "Zoë Müller",
    "mac-roman": "Zoë Müller",
    "cp932": "山田太郎 ソ連表 ﾔﾏﾀﾞ",
    "gb18030": "李小龙 𠮷野 欧阳",
    "koi8-r": "Ерёма Щукин",
    "euc-kr": "김철수",
    "big5": "陳大文",
}


@pytest.mark.parametrize(("encoding", "names"), NAMES.items())
@pytest.mark.parametrize("rows", [1, 5_000])
def test_text_in_any_encoding_is_let_through(encoding: str, names: str, rows: int) -> None:
    lines = ["名前,Email,Points" if encoding == "cp932" else "Name,Email,Points"]
    lines += [f"{names},anna{number}@example.com,{number}" for number in range(rows)]
    refusals.refuse("\r\n".join(lines).encode(encoding))
    refusals.refuse("\r\n".join(lines).encode(encoding)[: 64 * 1024 - 1])


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode().replace(b"120", b"12\x000"),
        ROWS.encode().replace(b",", b"\x01"),
        ROWS.encode().replace(b",", b"\x1f").replace(b"\r\n", b"\x1e"),
        ROWS.encode() + b"\x1a",
        ROWS.encode() + bytes(10_000),
        b"\x02" + ROWS.encode() + b"\x03",
        b"a,b\n\x01\x02\x03\x04\x05\x06\x07,1\n" + b"anna@example.com,5\n" * 100,
        b"\x1b[0m" + ROWS.encode(),
        ROWS.encode("utf-16") * 50 + b"\x00\xd8" + ROWS.encode("utf-16-le"),
        b"a,\x00\x00\x00\x00\nb,1\n",
        (IDEOGRAPHS * 20).encode("utf-16"),
    ],
)
def test_a_fault_here_and_there_makes_no_binary(content: bytes) -> None:
    refusals.refuse(content)


@given(st.binary(max_size=400))
def test_any_bytes_are_let_through_or_refused_with_a_sentence(head: bytes) -> None:
    error = refusal(head)
    assert error is None or error.reason != FileRejected.code
    assert error is None or (error.message.startswith("The file is ") and error.message.endswith("."))


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=60),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_no_text_before_a_list_makes_it_a_binary(before: str, encoding: str) -> None:
    refusals.refuse(f"List of {before}\r\n{ROWS}".encode(encoding))


@pytest.mark.parametrize("start", [b"<!--", b"<!-- -->", b"[", b'[{"', b'{"a":[', b"<table ", b"MIME-Version: 1.0 "])
@pytest.mark.parametrize("rest", [b"", b" ", b"x", b"<!---->"])
def test_an_endless_beginning_is_judged_at_once(start: bytes, rest: bytes) -> None:
    began = time.process_time()
    refusal((start + rest) * 16_384)
    refusal(start + (rest or start) * 65_536)
    assert time.process_time() - began < 1
