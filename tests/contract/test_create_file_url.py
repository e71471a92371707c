"""POST /v1/loyalty-imports/wixmp-upload-url (contract.md 2.1)."""

import re
from dataclasses import replace

from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.api.server import create_api
from tests.conftest import Site
from tests.contract.conftest import IMPORTS

URL = f"{IMPORTS}/wixmp-upload-url"
GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def test_a_slot_is_a_path_of_the_site_and_a_url_to_put_its_bytes_to(client: TestClient, site: Site) -> None:
    """2.1: the answer is `filePath`, of the shape `/sites/<site guid>/<guid>.csv`, and `uploadUrl`, and nothing else."""
    answer = client.post(URL, json={})
    assert answer.status_code == 200
    slot = answer.json()
    assert set(slot) == {"filePath", "uploadUrl"}
    assert re.fullmatch(f"/sites/{site.id}/{GUID}\\.csv", slot["filePath"])
    assert re.fullmatch(r"http://testserver/files/upload/[A-Za-z0-9._-]+", slot["uploadUrl"])


def test_each_slot_is_another(client: TestClient) -> None:
    """2.1: a slot is for one file; two calls give two."""
    first, second = client.post(URL, json={}).json(), client.post(URL, json={}).json()
    assert first["filePath"] != second["filePath"]
    assert first["uploadUrl"] != second["uploadUrl"]


def test_any_body_will_do(client: TestClient) -> None:
    """1.2: the SDK sends `{}`, curl sends nothing; unknown members are ignored."""
    for body in (b"{}", b"", b'{"anything": [1]}', b"null"):
        answer = client.post(URL, content=body)
        assert answer.status_code == 200
        assert set(answer.json()) == {"filePath", "uploadUrl"}


def test_the_url_leads_to_where_clients_reach_the_server(app: App, site: Site) -> None:
    """2.1: behind a proxy the URL is the public one, however the request came in."""
    settings = app.settings.model_copy(update={"public_url": "https://points.example.com/"})
    with TestClient(create_api(replace(app, settings=settings)), headers=site.headers) as client:
        slot = client.post(URL, json={}).json()
    assert slot["uploadUrl"].startswith("https://points.example.com/files/upload/")
