"""The examples of the API's description: true of their schemas, and errors and events of the server as well."""

import base64
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from pointport.app import App
from pointport.entrypoints.api.examples import EXAMPLES
from pointport.entrypoints.api.examples.example import (
    ACCOUNT_ID,
    FILE_URL,
    IMPORT_ID,
    JOB_ID,
    KEY_ID,
    SITE_ID,
    TRANSACTION_ID,
    UNDO_ID,
    WEBHOOK_ID,
)
from pointport.entrypoints.api.examples.failures import BY_CALL, FAILURES
from pointport.imports.record import LoyaltyImport
from pointport.plumbing.webhooks.event_types import EventType
from pointport.wire import events
from tests.conftest import Site, Story
from tests.contract.conftest import IMPORTS, Clock, Json, failed, invalid, subscribe, violation
from tests.contract.test_openapi import document, operations, resolved, validator

__all__ = ["document"]

NEVER_200 = "get_my_account"
ACCOUNTS = "/loyalty-accounts/v1/accounts"
TRANSACTIONS = "/loyalty-transactions/v1/loyalty-transactions"
CONTACTS = "/contacts/v4/contacts"
OURS = "/pointport/v1"
MAPPING = {"columnName": "EMAIL", "columnIndex": 1}
COLUMNS = {"headerMappings": [MAPPING, {"columnName": "POINTS", "columnIndex": 0}]}
AN_IMPORT = {"loyaltyImportId": IMPORT_ID}


def operation_of(document: Json, name: str) -> Json:
    """The operation of a call."""
    return next(one for _, one in operations(document) if one["operationId"] == name)


def failure_examples(document: Json, name: str, status: int) -> list[Json]:
    """The bodies that the description gives as examples of a call's answers with a status."""
    response = resolved(document, operation_of(document, name)["responses"][str(status)])
    return [example["value"] for example in response["content"]["application/json"]["examples"].values()]


def test_every_call_has_examples(document: Json) -> None:
    """An answer of each call, and a body of each that needs one; and there is none of a call that there is not."""
    assert set(EXAMPLES) == {one["operationId"] for _, one in operations(document)} - {NEVER_200}
    for _, operation in operations(document):
        if operation["operationId"] != NEVER_200:
            (answer,) = operation["responses"]["200"]["content"].values()
            assert "example" in answer, operation["operationId"]
        body = operation.get("requestBody", {})
        if body.get("required") and "application/json" in body["content"]:
            assert "example" in body["content"]["application/json"], operation["operationId"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_what_they_illustrate(document: Json, name: str) -> None:
    """Each example of a request, of its parameters and of an answer holds to its schema."""
    operation, example = operation_of(document, name), EXAMPLES[name]
    (answer,) = operation["responses"]["200"]["content"].values()
    validator(document, answer["schema"]).validate(answer["example"])
    if "contentSchema" in answer["schema"]:
        for line in answer["example"].splitlines():
            validator(document, answer["schema"]["contentSchema"]).validate(json.loads(line))
    if example.request is not None:
        body = operation["requestBody"]["content"]["application/json"]
        validator(document, body["schema"]).validate(body["example"])
    parameters = {one["name"]: one for one in operation.get("parameters", ()) if "example" in one}
    assert set(parameters) == set(example.parameters)
    for parameter in parameters.values():
        validator(document, parameter["schema"]).validate(parameter["example"])


def test_every_failure_has_examples(document: Json) -> None:
    """1.6: each answer that has a body has an example of it, which holds to its schema; a call's own are its own."""
    for name, response in document["components"]["responses"].items():
        for content in response.get("content", {}).values():
            schema = validator(document, content["schema"])
            assert content["examples"], name
            for example in content["examples"].values():
                schema.validate(example["value"])
    for name, failures in BY_CALL.items():
        responses = operation_of(document, name)["responses"]
        for failure in failures:
            reference = {"$ref": f"#/components/responses/{failure}"}
            assert responses[str(FAILURES[failure].status.value)] == reference, (name, failure)


def test_the_worked_examples_of_the_contract_are_there(document: Json) -> None:
    """1.6: five errors, each where it may come."""
    nope = violation("loyaltyImportId", "value 'nope' is not a valid GUID", "FORMAT", type="GUID")
    assert failure_examples(document, "get_import", 400) == [invalid(nope)]
    mappings = violation("headerMappingInfo.headerMappings", "must contain exactly 2 items", "MIN_SIZE", threshold=2)
    assert failure_examples(document, "execute_import", 400) == [invalid(mappings)]
    absent = failed("NOT_FOUND", f"loyalty import {IMPORT_ID} not found")
    assert failure_examples(document, "get_import", 404) == [absent]
    status = failed("INVALID_IMPORT_STATUS", "import must be PARSED to execute", status="IMPORTING")
    assert status in failure_examples(document, "execute_import", 428)
    revision = failed(
        "INVALID_REVISION", "entity has already changed since the requested revision", currentRevision="7"
    )
    assert failure_examples(document, "adjust_points", 409) == [revision]


REFUSED: list[tuple[str, str, str, Any]] = [
    ("create_import", "POST", IMPORTS, {"content": b"{"}),
    ("create_import", "POST", IMPORTS, {"content": b" " * 1_100_000}),
    ("create_import", "POST", IMPORTS, {"json": {"fileUrl": FILE_URL}}),
    ("get_import", "GET", IMPORTS, {"params": {"loyaltyImportId": "nope"}}),
    ("get_import", "GET", IMPORTS, {"params": {"loyaltyImportId": IMPORT_ID}}),
    ("get_import", "GET", IMPORTS, {"headers": {"Authorization": "nobody's"}}),
    ("get_import", "GET", IMPORTS, {"headers": {"wix-site-id": SITE_ID}}),
    (
        "execute_import",
        "POST",
        f"{IMPORTS}/execute",
        {"json": {"loyaltyImportId": IMPORT_ID, "headerMappingInfo": {"headerMappings": [MAPPING]}}},
    ),
    ("preview_import", "POST", f"{IMPORTS}/preview", {"json": AN_IMPORT | {"headerMappingInfo": COLUMNS}}),
    ("get_preview", "GET", f"{IMPORTS}/preview", {"params": AN_IMPORT}),
    ("cancel_import", "POST", f"{IMPORTS}/cancel", {"json": {"loyaltyImportId": "nope"}}),
    ("cancel_import", "POST", f"{IMPORTS}/cancel", {"json": AN_IMPORT}),
    ("undo_import", "POST", f"{IMPORTS}/undo", {"json": AN_IMPORT}),
    ("preview_undo", "POST", f"{IMPORTS}/undo-preview", {"json": AN_IMPORT}),
    ("get_undo_preview", "GET", f"{IMPORTS}/undo-preview", {"params": AN_IMPORT}),
    ("retry_import", "POST", f"{IMPORTS}/retry", {"json": AN_IMPORT}),
    ("retry_import", "POST", f"{IMPORTS}/retry", {"json": AN_IMPORT | {"fileUrl": FILE_URL}}),
    ("query_imports", "POST", f"{IMPORTS}/query", {"json": {"query": {"cursorPaging": {"limit": 101}}}}),
    ("create_account", "POST", ACCOUNTS, {"json": {"contactId": ACCOUNT_ID}}),
    ("fetch_account", "GET", f"{ACCOUNTS}/fetch-by", {}),
    ("search_accounts", "POST", f"{ACCOUNTS}/search", {"json": {"search": {"aggregations": [{}]}}}),
    ("get_my_account", "GET", f"{ACCOUNTS}/my-account", {}),
    ("get_account", "GET", f"{ACCOUNTS}/nope", {}),
    ("get_account", "GET", f"{ACCOUNTS}/{ACCOUNT_ID}", {}),
    ("adjust_points", "POST", f"{ACCOUNTS}/{ACCOUNT_ID}/adjust-points", {"json": {}}),
    ("get_async_job", "GET", f"/async-jobs/v1/async-jobs/{JOB_ID}", {}),
    ("get_transaction", "GET", f"{TRANSACTIONS}/{TRANSACTION_ID}", {}),
    ("get_contact", "GET", f"{CONTACTS}/{ACCOUNT_ID}", {}),
    ("show_account", "POST", f"{OURS}/account", {"json": {"email": "ada@example.com"}}),
    ("upload_file", "PUT", "/files/upload/nothing", {"content": b"x"}),
    ("download_file", "GET", "/files/download/nothing", {}),
    ("show_certificate", "GET", "/files/certificate/nothing", {}),
    ("get_certificate", "GET", f"{IMPORTS}/certificate", {"params": {"loyaltyImportId": IMPORT_ID}}),
    ("get_webhook", "GET", f"{OURS}/webhooks/{WEBHOOK_ID}", {}),
    ("list_sites", "GET", f"{OURS}/sites", {}),
    ("revoke_key", "DELETE", f"{OURS}/keys/{KEY_ID}", {}),
]
"""Calls that are refused whatever there is: the call's name, method, path, and what is sent."""


def test_a_failure_is_told_as_its_example_says(client: TestClient, document: Json) -> None:
    """1.6: the very words, of what comes of a request alone."""
    for name, method, path, request in REFUSED:
        answer = client.request(method, path, **request)
        assert answer.status_code >= 400, (name, request)
        assert answer.json() in failure_examples(document, name, answer.status_code), (name, request)


def test_a_failure_that_comes_of_the_state_of_things_is_told_as_its_example_says(
    client: TestClient, document: Json, story: Story
) -> None:
    """1.6: the very words, of contacts and accounts that have changed and imports that are on their way."""
    begun = story.execute(b"Email,Points\r\nada@example.com,5\r\n")
    mappings = {"headerMappings": [MAPPING, {"columnName": "POINTS", "columnIndex": 0}]}
    request = {"loyaltyImportId": str(begun.id), "headerMappingInfo": mappings}
    answers = [("execute_import", client.post(f"{IMPORTS}/execute", json=request))]
    contact = EXAMPLES["create_contact"].request
    made = client.post(CONTACTS, json=contact).json()["contact"]["id"]
    client.post(ACCOUNTS, json={"contactId": made})
    for balance in range(1, 7):
        client.post(f"{ACCOUNTS}/{made}/adjust-points", json={"balance": balance})
    earning = EXAMPLES["earn_points"].request or {}
    client.post(f"{ACCOUNTS}/{made}/earn-points", json={**earning, "amount": 1})
    answers += [
        ("create_contact", client.post(CONTACTS, json=contact)),
        ("create_account", client.post(ACCOUNTS, json={"contactId": made})),
        ("earn_points", client.post(f"{ACCOUNTS}/{made}/earn-points", json=earning)),
        ("adjust_points", client.post(f"{ACCOUNTS}/{made}/adjust-points", json={"amount": -12})),
        ("delete_contact", client.delete(f"{CONTACTS}/{made}")),
    ]
    assert [answer.status_code for _, answer in answers] == [428, 409, 409, 409, 428, 409]
    for name, answer in answers:
        body = json.loads(answer.text.replace(made, ACCOUNT_ID))
        assert body in failure_examples(document, name, answer.status_code)
    stale = client.post(f"{ACCOUNTS}/{made}/adjust-points", json={"balance": 1, "revision": "3"})
    body = json.loads(stale.text.replace('"8"', '"7"'))
    assert body in failure_examples(document, "adjust_points", stale.status_code)


def test_what_cannot_be_done_with_an_import_is_told_as_its_example_says(
    client: TestClient, document: Json, story: Story, clock: Clock
) -> None:
    """design.md 8: the very words, of imports that run, have ended, are undone, or were imported before."""
    clock.now = clock.now.replace(2024, 9, 17, 11, 5, 2, 22_000)
    story.add_contacts("ada@example.com", "bob@example.com")
    content = b"Email,Points\r\nada@example.com,5\r\nbob@example.com,6\r\n,7\r\n"
    clean, running = story.run(b"Email,Points\r\nada@example.com,5\r\n"), story.execute(b"Email,Points\r\nx,1\r\n")
    ended, nothing = story.run(content), story.run(b"Email,Points\r\nada@example.com,5\r\n")
    parsed = story.parse(content)
    columns = {"headerMappings": [MAPPING | {"columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]}
    twice = {"headerMappingInfo": columns, "options": {"mode": "ADD"}}
    correction = {"corrections": [{"line": 4, "email": "x"}]}
    calls: list[tuple[str, str, LoyaltyImport, Json]] = [
        ("execute_import", "execute", parsed, twice),
        ("preview_import", "preview", running, {"headerMappingInfo": columns}),
        ("get_preview", "preview", ended, {}),
        ("cancel_import", "cancel", ended, {}),
        ("undo_import", "undo", running, {}),
        ("undo_import", "undo", nothing, {}),
        ("retry_import", "retry", running, correction),
        ("retry_import", "retry", clean, correction),
        ("retry_import", "retry", ended, {"corrections": [{"line": 2}]}),
        ("retry_import", "retry", ended, {"fileUrl": story.upload(content)}),
        ("retry_import", "retry", ended, {"fileUrl": story.upload(story.error_file(ended).encode())}),
        ("retry_import", "retry", ended, {"fileUrl": story.upload(story.error_file(ended).encode())}),
    ]
    undo_id = story.undo(clean)["id"]
    calls += [
        ("undo_import", "undo", clean, {}),
        ("preview_undo", "undo-preview", replace(clean, id=UUID(undo_id)), {}),
    ]
    taken = 0
    for name, path, found, more in calls:
        named = {"loyaltyImportId": str(found.id)}
        if name.startswith("get"):
            answer = client.get(f"{IMPORTS}/{path}", params=named)
        else:
            answer = client.post(f"{IMPORTS}/{path}", json=named | more)
        if answer.status_code == 200:  # the first of two that are the same
            taken += 1
            continue
        text = answer.text.replace(undo_id, UNDO_ID)
        for one in (clean, running, ended, nothing, parsed):
            text = text.replace(str(one.id), IMPORT_ID)
        assert json.loads(text) in failure_examples(document, name, answer.status_code), (name, text)
    assert taken == 1


def unpacked(token: str) -> list[Json]:
    """The header of a token and its claims; the signature is of no interest here."""
    parts = token.split(".")[:2]
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts]


def event_in(document: Json, event_type: EventType, header: Json, claims: Json) -> Json:
    """The event in a token's claims, each layer of which holds to what the description says of it."""
    content = document["webhooks"][str(event_type)]["post"]["requestBody"]["content"]["text/plain"]
    layer = content["schema"]["contentSchema"]
    validator(document, layer).validate([header, claims])
    inner: Json = claims
    layer = layer["prefixItems"][1]
    for _ in range(2):
        layer = layer["allOf"][1]["properties"]["data"]["contentSchema"]
        inner = json.loads(inner["data"])
        validator(document, layer).validate(inner)
        if "identity" in inner:
            identity = {"$ref": "#/components/schemas/WebhookIdentity"}
            validator(document, identity).validate(json.loads(inner["identity"]))
            assert inner["eventType"] == event_type
    return inner


def test_every_event_is_described_with_an_example(document: Json) -> None:
    """7.2, 7.3: the token, its claims and the event, each type by its name."""
    assert set(document["webhooks"]) == {str(event_type) for event_type in EventType}
    for event_type in EventType:
        content = document["webhooks"][str(event_type)]["post"]["requestBody"]["content"]["text/plain"]
        event = event_in(document, event_type, *unpacked(content["example"]))
        assert [event] == document["components"]["schemas"][events.SHAPES[event_type].__name__]["examples"]


def test_events_are_as_they_are_described(
    client: TestClient, document: Json, app: App, site: Site, story: Story
) -> None:
    """7.2, 7.3: what happens holds to its description, and every type of event does happen here."""
    subscribe(app, site.id)
    story.add_contacts("ada@example.com")
    story.run(b"Email,Points\r\nada@example.com,5\r\nnobody@example.com,5\r\n")
    client.post("/loyalty-programs/v1/program/pause")
    with app.database.transaction(site.id) as connection:
        rows = connection.execute("SELECT * FROM event WHERE site_id = %s", [site.id]).fetchall()
    assert {row["event_type"] for row in rows} == {str(event_type) for event_type in EventType}
    for row in rows:
        claims = events.claims(row, app.clock())
        assert event_in(document, EventType(row["event_type"]), {"alg": "RS256"}, claims)["id"] == str(row["id"])
