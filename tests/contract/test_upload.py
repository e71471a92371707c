"""PUT of the file to the upload URL (contract.md 2.2)."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
import structlog
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from pointport.app import App
from pointport.plumbing.objects.tickets import Ticket, TicketOffice
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, Json, failed, kept_files, send_in_pieces

CONTENT = b"Email,Points\r\nada@example.com,15\r\n"
MEBIBYTES_10 = 10 * 1024 * 1024
INVALID = failed("UPLOAD_URL_INVALID", "this upload URL was not made by this server, or was altered; ask for a new one")
TOO_LARGE = failed(
    "FILE_TOO_LARGE",
    "the file is larger than 10,485,760 bytes, the most this server takes here;"
    " split it, or have the server's operator raise the limit (`pointport settings`)",
    maxBytes=10_485_760,
)


def new_slot(client: TestClient) -> tuple[str, str]:
    slot = client.post(f"{IMPORTS}/wixmp-upload-url", json={}).json()
    return slot["filePath"], slot["uploadUrl"]


def content_of(app: App, path: str) -> bytes:
    return b"".join(app.objects.get(path.removeprefix("/")))


def pieces(total: int, piece: int = 64 * 1024) -> Iterator[bytes]:
    """So many bytes, as a network brings them."""
    for start in range(0, total, piece):
        yield b"x" * min(piece, total - start)


def put_chunked(app: App, url: str, chunks: Iterable[bytes]) -> tuple[int, Json]:
    """Upload without a Content-Length."""
    return send_in_pieces(app, "PUT", url, chunks, {"Transfer-Encoding": "chunked"})


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_the_raw_body_is_the_file(client: TestClient, stranger: TestClient, app: App, method: str) -> None:
    """2.2: PUT, also POST; the raw file as body; any Content-Type, or none; no Authorization; 200 with JSON."""
    for content_type in ("text/csv", "application/json", "multipart/form-data; boundary=x", None):
        path, url = new_slot(client)
        headers = {"Content-Type": content_type} if content_type else {}
        answer = stranger.request(method, url, content=CONTENT, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {})
        assert "authorization" not in answer.request.headers
        assert content_of(app, path) == CONTENT


def test_a_file_may_be_empty_and_may_be_any_bytes(client: TestClient, app: App) -> None:
    """2.2: what is in the file is none of the upload's business; parsing says what is wrong with it."""
    for content in (b"", bytes(range(256))):
        path, url = new_slot(client)
        assert client.put(url, content=content).status_code == 200
        assert content_of(app, path) == content


def test_once_more_before_create_replaces_the_file(client: TestClient, app: App) -> None:
    """2.2: re-PUT before create replaces the file, the shorter one whole."""
    path, url = new_slot(client)
    for content in (CONTENT * 3, CONTENT):
        assert client.put(url, content=content).status_code == 200
    assert content_of(app, path) == CONTENT
    assert len(kept_files(app)) == 1


def test_an_upload_url_is_used_up_once_an_import_was_made_of_its_file(client: TestClient, app: App) -> None:
    """2.2: re-PUT is for before create; after it nobody changes what the import will read."""
    path, url = new_slot(client)
    client.put(url, content=CONTENT)
    assert client.post(IMPORTS, json={"fileUrl": path}).status_code == 200
    answer = client.put(url, content=b"something else")
    assert answer.status_code == 428
    assert answer.json() == failed(
        "UPLOAD_URL_USED", "this upload URL is used up: an import was made of its file; ask for a new one"
    )
    assert content_of(app, path) == CONTENT


def test_a_body_without_content_length_is_taken_chunk_by_chunk(client: TestClient, app: App) -> None:
    """2.2: the raw file as body, also from a client that does not know its length beforehand."""
    path, url = new_slot(client)
    assert put_chunked(app, url, [CONTENT[:5], b"", CONTENT[5:]]) == (200, {})
    assert content_of(app, path) == CONTENT
    path, url = new_slot(client)
    assert put_chunked(app, url, []) == (200, {})
    assert content_of(app, path) == b""


def test_ten_mebibytes_are_not_too_large(client: TestClient, app: App) -> None:
    """2.2, 8 row 2: 10485760 bytes are the limit, and within it, whether their number is declared or not."""
    path, url = new_slot(client)
    assert client.put(url, content=b"x" * MEBIBYTES_10).status_code == 200
    assert app.objects.size(path.removeprefix("/")) == MEBIBYTES_10
    path, url = new_slot(client)
    assert put_chunked(app, url, pieces(MEBIBYTES_10)) == (200, {})
    assert app.objects.size(path.removeprefix("/")) == MEBIBYTES_10


def test_one_byte_more_is_413_and_nothing_is_kept(client: TestClient, app: App) -> None:
    """2.2: 413 above the size limit, whether the number of bytes is declared or not."""
    path, url = new_slot(client)
    answer = client.put(url, content=b"x" * (MEBIBYTES_10 + 1))
    assert (answer.status_code, answer.json()) == (413, TOO_LARGE)
    assert put_chunked(app, url, pieces(MEBIBYTES_10 + 1)) == (413, TOO_LARGE)
    assert kept_files(app) == []
    assert client.post(IMPORTS, json={"fileUrl": path}).status_code == 404


def test_a_declared_length_over_the_limit_is_refused_before_the_first_byte(client: TestClient, app: App) -> None:
    """2.2: a client need not send a file that cannot be taken, and a lie about its length is no way in."""
    _, url = new_slot(client)
    unread = iter([b"never asked for"])
    told = send_in_pieces(app, "PUT", url, unread, {"Content-Length": str(MEBIBYTES_10 + 1)})
    assert told == (413, TOO_LARGE)
    assert list(unread) == [b"never asked for"]
    assert send_in_pieces(app, "PUT", url, pieces(MEBIBYTES_10 + 1), {"Content-Length": "5"}) == (413, TOO_LARGE)
    assert kept_files(app) == []


def test_a_file_that_was_there_stays_when_its_replacement_is_too_large(client: TestClient, app: App) -> None:
    """2.2: an upload that is refused leaves the store as it was."""
    path, url = new_slot(client)
    client.put(url, content=CONTENT)
    assert put_chunked(app, url, pieces(MEBIBYTES_10 + 1)) == (413, TOO_LARGE)
    assert content_of(app, path) == CONTENT
    assert len(kept_files(app)) == 1


def test_an_upload_url_lives_for_an_hour(client: TestClient, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """2.2: the URL is valid for 1 h; an expired token is 403, and nothing is kept."""
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 3590)
        _, still_good = new_slot(client)
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 3602)
        _, expired = new_slot(client)
    assert client.put(still_good, content=CONTENT).status_code == 200
    answer = client.put(expired, content=CONTENT)
    assert answer.status_code == 403
    assert answer.json() == failed("UPLOAD_URL_EXPIRED", "this upload URL has expired; ask for a new one")
    assert len(kept_files(app)) == 1


def test_a_url_that_was_altered_or_made_elsewhere_opens_nothing(client: TestClient, site: Site, app: App) -> None:
    """2.2: 403 for an unknown token: the URL is the secret, and only what this server signed counts."""
    (path, url), (_, other) = new_slot(client), new_slot(client)
    base, _, ticket = url.rpartition("/")
    payload, stamp, signature = ticket.rsplit(".", 2)
    wanted = Ticket("upload", site.id, path, MEBIBYTES_10)
    forged = [
        "nothing",
        f"{payload}A.{stamp}.{signature}",
        f"{payload}.A{stamp}.{signature}",
        f"{payload}.{stamp}.A{signature[1:]}x",
        f"{payload}.{stamp}",
        f"{other.rpartition('/')[2].rsplit('.', 2)[0]}.{stamp}.{signature}",
        TicketOffice(b"the secret of another server, 32").issue(wanted),
        # Good for reading a file is not good for writing one.
        app.tickets.issue(replace(wanted, purpose="download")),
    ]
    answers = [client.put(f"{base}/{one}", content=CONTENT) for one in forged]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(403, INVALID)] * len(forged)
    assert kept_files(app) == []
    assert client.put(url, content=CONTENT).status_code == 200


def test_an_upload_url_only_uploads(client: TestClient) -> None:
    """2.2: the URL is for PUT and POST; what was uploaded cannot be read with it, as a page of its own or as a download."""
    _, url = new_slot(client)
    client.put(url, content=CONTENT)
    answer = client.get(url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")
    assert client.get(url.replace("/upload/", "/download/")).status_code == 403


def test_what_a_contacts_upload_may_hold_an_import_may_not(story: Story, client: TestClient) -> None:
    """8 row 2: a larger file that came in by another way is 413 at create."""
    path = story.upload(b"x" * (MEBIBYTES_10 + 1))
    answer = client.post(IMPORTS, json={"fileUrl": path})
    assert (answer.status_code, answer.json()) == (413, TOO_LARGE)


@pytest.mark.parametrize("headers", [{"Content-Length": "1000000"}, {"Transfer-Encoding": "chunked"}])
def test_an_upload_that_breaks_off_half_way_leaves_nothing(
    client: TestClient, app: App, headers: dict[str, str]
) -> None:
    """2.2: the body is the file; half a body is no file. It is the client's doing, so no fault of ours is logged."""
    path, url = new_slot(client)
    with structlog.testing.capture_logs() as logged:
        send_in_pieces(app, "PUT", url, pieces(70_000), headers, breaks_off=True)
    assert [line for line in logged if line["log_level"] == "error"] == []
    assert kept_files(app) == []
    assert client.post(IMPORTS, json={"fileUrl": path}).status_code == 404
    assert client.put(url, content=CONTENT).status_code == 200
