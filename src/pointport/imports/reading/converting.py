"""A file as clean CSV: RFC 4180, UTF-8, commas, CRLF, the headings first, every record as wide as the widest."""

import csv
import io
from collections.abc import Iterator

from pointport.imports.reading import files, heading_row, learning
from pointport.imports.reading.learning import OpenFile
from pointport.imports.shapes import Reading
from pointport.settings import Settings

BLOCK_CHARACTERS_MIN = 64 * 1024


def convert(open_file: OpenFile, settings: Settings, told: Reading) -> Iterator[bytes]:
    """Return the file in blocks. Title lines and blank rows are gone; cells that a row has too many keep their columns.

    Bytes that are no characters become U+FFFD. Raises FileRejected when the file cannot be read, before the first block
    unless it is found out later.
    """
    learned = learning.learn(open_file, settings, told, columns_min=1)
    width = learned.columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*learned.header, *heading_row.made_up(width)[len(learned.header) :]])
    for _, cells, _ in files.read(open_file(), learned.dialect, settings):
        writer.writerow(cells + [""] * (width - len(cells)))
        if text.tell() >= BLOCK_CHARACTERS_MIN:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    """Return what was written, and start anew."""
    block = learning.storable(text.getvalue()).encode()
    text.seek(0)
    text.truncate()
    return block
