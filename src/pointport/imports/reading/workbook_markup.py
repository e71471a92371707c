"""The XML of a workbook's parts, read as a stream by a parser that cannot be made to hold much.

A tag, the names of elements and the elements that are open are all that expat keeps, so each has a limit here. There are
no entities: a part that declares a document type is refused.
"""

from collections.abc import Callable, Iterable, Iterator
from xml.parsers import expat

from pointport.errors import FileRejected
from pointport.imports.reading.workbook_archive import damaged

TAG_BYTES_MAX = 1024 * 1024
NAMES_MAX = 10_000
"""Different names of elements and attributes in a part; a workbook has some hundreds."""
DEPTH_MAX = 100
ENCODINGS = ("utf-8", "utf-16")

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]


def parser(start: Start, end: End) -> expat.XMLParserType:
    """Return a parser that calls these for each element, by the name that the file has for it."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartElementHandler = start
    made.EndElementHandler = end
    made.XmlDeclHandler = _refuse_encoding
    made.StartDoctypeDeclHandler = _refuse_document_type
    return made


def fed(made: expat.XMLParserType, pieces: Iterable[bytes], what: str) -> Iterator[None]:
    """Feed a part to its parser, and stop after each piece, so that what the handlers gathered can be taken away.

    Raises FileRejected when the part is no XML, or holds what no workbook does; `what` names it.
    """
    byte_count = 0
    try:
        for piece in pieces:
            made.Parse(piece, False)
            byte_count += len(piece)
            if byte_count - made.CurrentByteIndex > TAG_BYTES_MAX or len(made.intern) > NAMES_MAX:
                raise damaged(f"the XML of {what} has endless tags or names")
            yield
        made.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        raise _not_xml(what, error) from error


def each_element(pieces: Iterable[bytes], what: str, take: Callable[[str, Attributes], None]) -> None:
    """Give each element of a small part to `take`, by its name without a prefix, with its attributes likewise.

    Only those with the prefix of the first count: newer programs add elements of the same names that mean other things.
    """
    depth = 0
    prefix = ""

    def start(name: str, attributes: Attributes) -> None:
        nonlocal depth, prefix
        depth += 1
        if depth > DEPTH_MAX:
            raise too_deep(what)
        local = without_prefix(name)
        if depth == 1:
            prefix = name.removesuffix(local)
        if name == prefix + local:
            take(local, {without_prefix(key): value for key, value in attributes.items()})

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    for _ in fed(parser(start, end), pieces, what):
        pass


def without_prefix(name: str) -> str:
    """Return the name of an element or attribute without that of its namespace: `x:row` is `row`."""
    return name.rpartition(":")[2]


def too_deep(what: str) -> FileRejected:
    """Return the refusal of XML whose elements stand too deep within each other."""
    return damaged(f"the XML of {what} has more than {DEPTH_MAX} elements within each other")


def _not_xml(what: str, error: expat.ExpatError) -> FileRejected:
    return damaged(f"the XML of {what} breaks off or is wrong at its line {error.lineno}")


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise damaged("its XML is in neither UTF-8 nor UTF-16")


def _refuse_document_type(_name: str, _system: str | None, _public: str | None, _inside: bool) -> None:
    raise damaged("its XML declares a document type, as no workbook does")
