"""Who may do what (contract.md 1.3)."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.api.server import create_api
from pointport.plumbing.sites import sites
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, NOBODY, failed

OURS = "/pointport/v1"
CONTENT = b"Email,Points\r\nada@example.com,15\r\n"
NO_KEY = failed("UNAUTHENTICATED", "the Authorization header with an API key is missing")
BAD_KEY = failed("UNAUTHENTICATED", "the API key in the Authorization header is unknown or revoked")
NO_SITE = failed("PERMISSION_DENIED", "the wix-site-id header must name the site that the API key belongs to")
OPERATOR_ONLY = failed(
    "PERMISSION_DENIED", "only the operator may do this: use the pointport command on the server's machine"
)
PUBLIC = {f"/files/{purpose}/{{ticket}}" for purpose in ("upload", "download", "certificate", "report")}
"""Their URL is the secret."""


@dataclass(frozen=True)
class Call:
    """One method of the API, with a request."""

    method: str
    path: str
    params: dict[str, str] | None = None
    body: Any = None

    def by(self, client: TestClient) -> httpx2.Response:
        """Make the call."""
        return client.request(self.method, self.path, params=self.params, json=self.body)


def some_id(import_id: UUID) -> dict[str, str]:
    return {"loyaltyImportId": str(import_id)}


def of_import(import_id: UUID) -> list[Call]:
    """Every call that names an import."""
    mappings = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]
    mapped = {"headerMappingInfo": {"headerMappings": mappings}}
    return [
        Call("GET", IMPORTS, some_id(import_id)),
        Call("POST", f"{IMPORTS}/execute", body=some_id(import_id) | mapped),
        Call("POST", f"{IMPORTS}/preview", body=some_id(import_id) | mapped),
        Call("GET", f"{IMPORTS}/preview", some_id(import_id)),
        Call("POST", f"{IMPORTS}/cancel", body=some_id(import_id)),
        Call("POST", f"{IMPORTS}/undo", body=some_id(import_id)),
        Call("POST", f"{IMPORTS}/undo-preview", body=some_id(import_id)),
        Call("GET", f"{IMPORTS}/undo-preview", some_id(import_id)),
        Call("POST", f"{IMPORTS}/retry", body=some_id(import_id) | A_FILE),
        Call("POST", f"{IMPORTS}/retry", body=some_id(import_id) | {"corrections": [{"line": 2, "points": 1}]}),
        Call("GET", f"{IMPORTS}/error-file-download-url", some_id(import_id)),
        Call("GET", f"{IMPORTS}/certificate", some_id(import_id)),
        Call("GET", f"{IMPORTS}/report-download-url", some_id(import_id)),
        Call("POST", f"{IMPORTS}/rows/query", body={**some_id(import_id), "query": {}}),
        Call("GET", f"{OURS}/import-summary", some_id(import_id)),
    ]


ACCOUNTS = "/loyalty-accounts/v1/accounts"
TRANSACTIONS = "/loyalty-transactions/v1/loyalty-transactions"
PROGRAM = "/loyalty-programs/v1/program"
CONTACTS = "/contacts/v4/contacts"
EARNING = {"amount": 1, "description": "x", "appId": "x", "idempotencyKey": "x"}
CONTACT = {"info": {"emails": {"items": [{"email": "ada@example.com"}]}}}
A_FILE = {"fileUrl": f"/sites/{NOBODY}/{NOBODY}.csv"}
SCOPES = ("imports", "accounts:read", "accounts:write", "admin")
CALLS: dict[tuple[str, ...], list[Call]] = {
    ("imports",): [
        Call("POST", f"{IMPORTS}/wixmp-upload-url", body={}),
        Call("POST", IMPORTS, body=A_FILE),
        Call("POST", f"{IMPORTS}/query", body={"query": {}}),
        *of_import(NOBODY),
        Call("POST", f"{OURS}/ledger/verify-certificate", body={"certificate": {}, "signature": ""}),
    ],
    ("imports", "accounts:read"): [
        Call("GET", f"{OURS}/totals"),
    ],
    ("accounts:read", "accounts:write"): [
        Call("GET", f"/async-jobs/v1/async-jobs/{NOBODY}"),
    ],
    ("accounts:read",): [
        Call("POST", f"{OURS}/account", body={"email": "ada@example.com"}),
        Call("GET", ACCOUNTS),
        Call("GET", f"{ACCOUNTS}/{NOBODY}"),
        Call("GET", f"{ACCOUNTS}/fetch-by", {"contactId": str(NOBODY)}),
        Call("POST", f"{ACCOUNTS}/query", body={"query": {}}),
        Call("POST", f"{ACCOUNTS}/search", body={"search": {}}),
        Call("POST", f"{ACCOUNTS}/count", body={}),
        Call("GET", f"{ACCOUNTS}/program-totals"),
        Call("GET", f"{TRANSACTIONS}/{NOBODY}"),
        Call("POST", f"{TRANSACTIONS}/query", body={"query": {}}),
        Call("GET", PROGRAM),
        Call("GET", f"{PROGRAM}/premium-features"),
        Call("GET", "/loyalty-programs/v1/bulk/programs"),
        Call("GET", f"{CONTACTS}/{NOBODY}"),
        Call("POST", f"{CONTACTS}/query", body={"query": {}}),
    ],
    ("accounts:write",): [
        Call("POST", ACCOUNTS, body={"contactId": str(NOBODY)}),
        Call("POST", f"{ACCOUNTS}/{NOBODY}/earn-points", body=EARNING),
        Call("POST", f"{ACCOUNTS}/{NOBODY}/adjust-points", body={"amount": 1}),
        Call("POST", f"{ACCOUNTS}/bulk-adjust", body={"amount": 1}),
        Call("POST", CONTACTS, body=CONTACT),
        Call("PATCH", f"{CONTACTS}/{NOBODY}", body=CONTACT | {"revision": 1}),
        Call("DELETE", f"{CONTACTS}/{NOBODY}"),
        Call("POST", f"{OURS}/contacts/upload-url", body={}),
        Call("POST", f"{OURS}/contacts/load", body=A_FILE),
    ],
    ("admin",): [
        Call("GET", f"{OURS}/keys"),
        Call("POST", f"{OURS}/keys", body={"name": "another", "scopes": ["imports"]}),
        Call("DELETE", f"{OURS}/keys/{NOBODY}"),
        Call("GET", f"{OURS}/ledger/verify"),
        Call("PATCH", PROGRAM, body={"loyaltyProgram": {}}),
        Call("POST", f"{PROGRAM}/activate", body={}),
        Call("POST", f"{PROGRAM}/pause", body={}),
        Call("POST", f"{PROGRAM}/points-expiration/enable", body={}),
        Call("POST", f"{PROGRAM}/points-expiration/disable", body={}),
        Call("GET", f"{OURS}/webhooks"),
        Call("POST", f"{OURS}/webhooks", body={"targetUrl": "x", "eventTypes": ["x"]}),
        Call("GET", f"{OURS}/webhooks/{NOBODY}"),
        Call("PATCH", f"{OURS}/webhooks/{NOBODY}", body={}),
        Call("DELETE", f"{OURS}/webhooks/{NOBODY}"),
        Call("GET", f"{OURS}/webhooks/{NOBODY}/deliveries"),
        Call("POST", f"{OURS}/webhooks/{NOBODY}/deliveries/{NOBODY}/send-again", body={}),
        Call("GET", f"{OURS}/webhook-keys"),
        Call("POST", f"{OURS}/webhook-keys", body={}),
        Call("POST", f"{OURS}/webhook-keys/rotate", body={}),
    ],
}
OPERATORS = [Call("GET", f"{OURS}/sites"), Call("POST", f"{OURS}/sites", body={"name": "New Shop"})]


def answers(client: TestClient, headers: Sequence[dict[str, str]]) -> list[tuple[int, Any]]:
    """Ask for the site's imports with each set of headers."""
    found = [client.post(f"{IMPORTS}/query", json={"query": {}}, headers=some) for some in headers]
    return [(answer.status_code, answer.json()) for answer in found]


def key_with(app: App, site: Site, *scopes: str) -> str:
    return sites.create_key(app.database, site.id, name="a key", scopes=scopes, actor="test", now=app.clock())[1]


def test_without_a_key_nobody_is_known(api: TestClient, site: Site) -> None:
    """1.3: 401 UNAUTHENTICATED for a missing key, whatever else is there; the site header does not help."""
    for headers in ({}, {"Authorization": ""}, {"Authorization": "   "}, {"Authorization": "Bearer "}):
        for more in ({}, {"wix-site-id": str(site.id)}):
            assert answers(api, [headers | more]) == [(401, NO_KEY)]


def test_a_key_that_nobody_was_given_is_unknown(
    api: TestClient, app: App, site: Site, make_site: Callable[[str], Site]
) -> None:
    """1.3: 401 UNAUTHENTICATED for an unknown key: garbage, altered, of a site that never was, or half a key."""
    raw = site.key.removeprefix("pp_")
    garbage = [
        "nonsense",
        "pp_",
        f"pp_{raw[:-1]}",
        f"pp_{raw}AAAA",
        f"pp_{raw[:30]}{'A' if raw[30] != 'A' else 'B'}{raw[31:]}",
        site.key.swapcase(),
        raw,
        f"pp_{make_site('Other Shop').key.removeprefix('pp_')[:21]}{raw[21:]}",
        f"pp_{'A' * 64}",
        f"pp_{'_' * 64}",
        f"Bearer{site.key}",
        "x" * 10_000,
        "Basic dXNlcjpwYXNzd29yZA==",
        f"Token {site.key}",
        "' OR 1=1 --",
    ]
    headers = [{"Authorization": key, "wix-site-id": str(site.id)} for key in garbage]
    assert answers(api, headers) == [(401, BAD_KEY)] * len(garbage)
    # Headers are bytes to HTTP; those that are no ASCII are no key either.
    answer = api.get(f"{OURS}/keys", headers=[(b"Authorization", b"pp_\xe9\xff"), (b"wix-site-id", b"\xe9")])
    assert (answer.status_code, answer.json()) == (401, BAD_KEY)


def test_a_revoked_key_is_unknown(api: TestClient, app: App, site: Site) -> None:
    """1.3: a key opens nothing from the moment on that it is revoked; the site's others still do."""
    made = api.post(f"{OURS}/keys", json={"name": "till", "scopes": ["imports"]}, headers=site.headers).json()
    assert made["siteId"] == str(site.id)
    headers = {"Authorization": made["apiKey"], "wix-site-id": str(site.id)}
    assert answers(api, [headers])[0][0] == 200
    assert api.delete(f"{OURS}/keys/{made['keyId']}", headers=site.headers).status_code == 200
    assert answers(api, [headers]) == [(401, BAD_KEY)]
    assert answers(api, [site.headers])[0][0] == 200


def test_a_key_comes_raw_or_as_a_bearer(api: TestClient, site: Site) -> None:
    """1.3, 1.2: the SDK sends the raw key, no `Bearer `; an optional `Bearer ` prefix is accepted."""
    spellings = [site.key, f"Bearer {site.key}", f"bearer {site.key}", f"BEARER   {site.key}", f" {site.key} "]
    headers = [{"Authorization": spelling, "wix-site-id": str(site.id)} for spelling in spellings]
    assert [status for status, _ in answers(api, headers)] == [200] * len(spellings)


def test_a_key_needs_its_site(api: TestClient, site: Site, make_site: Callable[[str], Site]) -> None:
    """1.3: 403 PERMISSION_DENIED for a valid key without the site, with another site, and with what is no site id."""
    wrong = [str(make_site("Other Shop").id), str(NOBODY), "", "nonsense", f"{site.id}x", "null", str(site.id)[:-1]]
    headers = [{"Authorization": site.key}, *({"Authorization": site.key, "wix-site-id": one} for one in wrong)]
    assert answers(api, headers) == [(403, NO_SITE)] * len(headers)


def test_an_account_id_beside_the_site_id_is_passed_over(api: TestClient, site: Site) -> None:
    """1.3: exactly one is right, but the SDK sends both when it has both: then the site id counts; alone it is none."""
    account = {"wix-account-id": str(NOBODY)}
    assert answers(api, [site.headers | account])[0][0] == 200
    assert answers(api, [{"Authorization": site.key} | account]) == [(403, NO_SITE)]


def test_the_headers_of_the_sdk_are_welcome(api: TestClient, site: Site) -> None:
    """1.2: as captured, with the gateway's header; and the consistency header that it may replay."""
    sdk = {
        "x-wix-bi-gateway": "environment=js-sdk,package-name=@wix/auto_sdk_loyalty_imports,"
        "method-fqn=wix.loyalty.imports.v1.LoyaltyImports.CreateLoyaltyImportFileUrl,"
        "entity=wix.loyalty.imports.v1.loyalty_import",
        "X-Wix-Consistent": "opaque",
    }
    assert answers(api, [site.headers | sdk])[0][0] == 200


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_opens_what_it_should_and_nothing_else(api: TestClient, app: App, site: Site, scope: str) -> None:
    """1.3: permissions: LOYALTY.MANAGE_IMPORTS for every import method, and so on; 403 names the one that is missing."""
    api.headers.update({"Authorization": key_with(app, site, scope), "wix-site-id": str(site.id)})
    for needed, calls in CALLS.items():
        for call in calls:
            answer = call.by(api)
            if scope in {*needed, "admin"}:
                assert answer.status_code not in {401, 403}, call
            else:
                told = f"the API key lacks the scope {' or '.join(needed)}"
                assert answer.status_code == 403, call
                assert answer.json() == failed("PERMISSION_DENIED", told, scopes=list(needed)), call


def test_every_call_is_tried_with_every_scope(api: TestClient) -> None:
    """1.3: what is described and needs a key stands in the list above, what will be added too."""
    tried = {
        (call.method, re.sub(f"/{NOBODY}", "/{}", call.path))
        for calls in (*CALLS.values(), OPERATORS)
        for call in calls
    }
    described = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in api.get("/openapi.json").json()["paths"].items()
        for method in methods
        if path not in PUBLIC
    }
    assert described - tried == {("GET", f"{ACCOUNTS}/my-account")}


def test_a_key_may_have_several_scopes(api: TestClient, app: App, site: Site) -> None:
    """1.3: each of them opens its part."""
    key = key_with(app, site, "imports", "accounts:read")
    api.headers.update({"Authorization": key, "wix-site-id": str(site.id)})
    opened = [scopes for scopes, calls in CALLS.items() if all(call.by(api).status_code != 403 for call in calls)]
    assert opened == [needed for needed in CALLS if {"imports", "accounts:read"} & {*needed}]


def test_the_permission_is_looked_at_before_the_request(api: TestClient, app: App, site: Site) -> None:
    """1.3: who may not is told so, not what is wrong with the body."""
    headers = {"Authorization": key_with(app, site, "accounts:read"), "wix-site-id": str(site.id)}
    assert api.post(IMPORTS, json={"fileUrl": 5}, headers=headers).status_code == 403
    assert api.post(IMPORTS, json={"fileUrl": 5}).status_code == 401
    assert api.get(IMPORTS, params={"loyaltyImportId": "nope"}).status_code == 401


def test_nothing_but_files_and_health_is_open_to_strangers(api: TestClient) -> None:
    """1.3: every operation that the API describes answers 401 without a key, those that will be added too."""
    described = api.get("/openapi.json").json()["paths"]
    closed = [(method, path) for path, methods in described.items() if path not in PUBLIC for method in methods]
    assert len(closed) > 10
    for method, path in closed:
        answer = api.request(method, path.replace("{key_id}", str(NOBODY)))
        assert (answer.status_code, answer.json()) == (401, NO_KEY), (method, path)
    assert api.get("/healthz").json() == {"alive": True}
    assert api.get("/readyz").json() == {"ready": True}


@pytest.fixture
def operator(app: App) -> Iterator[TestClient]:
    """The command line inside the very process: its token stands for no key."""
    with TestClient(create_api(app, operator_token="the token of this process")) as client:  # noqa: S106
        client.headers["Authorization"] = "the token of this process"
        yield client


@pytest.mark.usefixtures("own_database")
def test_what_is_the_operators_no_key_opens(api: TestClient, app: App, site: Site) -> None:
    """1.3: sites are made on the server's machine; a key, `admin` too, is a site's own and is refused."""
    api.headers.update(site.headers)
    for call in OPERATORS:
        answer = call.by(api)
        assert (answer.status_code, answer.json()) == (403, OPERATOR_ONLY)
    for nothing in ("None", "null", "operator"):
        answer = OPERATORS[0].by(TestClient(api.app, headers={"Authorization": nothing}))
        assert answer.status_code == 403
    assert len(sites.list_sites(app.database)) == 1


@pytest.mark.usefixtures("own_database")
def test_the_operator_opens_everything(operator: TestClient, site: Site, make_site: Callable[[str], Site]) -> None:
    """1.3, auth.py: of the site that is named, else the one that is meant; 403 for one that there is not."""
    for call in [*(call for calls in CALLS.values() for call in calls), OPERATORS[0]]:
        assert call.by(operator).status_code not in {401, 403}, call
    other = make_site("Other Shop")
    answer = operator.get(f"{OURS}/ledger/verify")
    assert answer.status_code == 428
    assert answer.json()["details"]["applicationError"]["code"] == "SITE_NOT_CHOSEN"
    for named in (site, other):
        answer = operator.get(f"{OURS}/ledger/verify", headers={"wix-site-id": str(named.id)})
        assert answer.json()["siteId"] == str(named.id)
    for wrong in (str(NOBODY), "nonsense", ""):
        assert operator.get(f"{OURS}/ledger/verify", headers={"wix-site-id": wrong}).status_code == 403


def test_another_sites_import_is_not_there_by_any_method(
    client: TestClient, app: App, make_site: Callable[[str], Site]
) -> None:
    """8 row 28: 404 on every method, word for word as for an id that nothing has: its existence does not leak."""
    other = Story(app, make_site("Other Shop").id)
    theirs = other.run(CONTENT)
    for hidden, unknown in zip(of_import(theirs.id), of_import(NOBODY), strict=True):
        answer, nothing = hidden.by(client), unknown.by(client)
        assert answer.status_code == nothing.status_code == 404
        assert answer.text.replace(str(theirs.id), str(NOBODY)) == nothing.text
    assert other.find(theirs.id) == theirs


def test_another_sites_key_is_not_there(client: TestClient, api: TestClient, make_site: Callable[[str], Site]) -> None:
    """8 row 28: keys are the site's own: another's are neither listed nor revoked."""
    other = make_site("Other Shop")
    theirs = api.get(f"{OURS}/keys", headers=other.headers).json()["keys"]
    ours = client.get(f"{OURS}/keys").json()["keys"]
    assert len(theirs) == len(ours) == 1
    answer = client.delete(f"{OURS}/keys/{theirs[0]['keyId']}")
    assert (answer.status_code, answer.json()) == (404, failed("NOT_FOUND", f"there is no key {theirs[0]['keyId']}"))
    assert api.get(f"{OURS}/keys", headers=other.headers).json()["keys"] == theirs
