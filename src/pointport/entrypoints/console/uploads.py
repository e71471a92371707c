"""A form with a file in it, taken apart as it arrives: small fields first, then the file, piece by piece."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pointport.errors import InvalidRequest

FIELD_BYTES_MAX = 4 * 1024
FILE_FIELD = "file"


class UploadForm:
    """A form that ends with its file. What stands behind the file is passed over."""

    def __init__(self, content_type: str, stream: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise InvalidRequest(message="this is no form with a file")
        self.fields: dict[str, str] = {}
        self._stream = stream
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take,
                "on_part_end": self._end,
            },
        )
        self._header_name = self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._file_name: str | None = None
        self._is_in_file = False
        self._text = b""
        self._pieces: list[bytes] = []

    async def find_file(self) -> str:
        """Go on to where the file begins, and return its name; empty when there is none."""
        while self._file_name is None and await self._go_on():
            pass
        return self._file_name or ""

    async def file(self) -> AsyncIterator[bytes]:
        """Return the bytes of the file."""
        while True:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                yield piece
            if not await self._go_on():
                break
        for piece in self._pieces:
            yield piece

    async def _go_on(self) -> bool:
        async for chunk in self._stream:
            try:
                self._parser.write(chunk)
            except FormParserError:
                raise InvalidRequest(message="the form is broken") from None
            return True
        return False

    def _begin(self) -> None:
        self._headers, self._name, self._text = {}, "", b""

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode(errors="replace")
        if self._name == FILE_FIELD and b"filename" in options and self._file_name is None:
            self._file_name = options[b"filename"].decode(errors="replace").replace("%22", '"')
            self._is_in_file = True

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_in_file:
            self._pieces.append(data[start:end])
        elif len(self._text) < FIELD_BYTES_MAX:
            self._text += data[start:end]

    def _end(self) -> None:
        if not self._is_in_file:
            self.fields.setdefault(self._name, self._text.decode(errors="replace"))
        self._is_in_file = False
