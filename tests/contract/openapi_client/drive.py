"""Drives a server with a client that was made from its description, and looks at the types of what comes back.

Run by `test_openapi_client.py` with another Python, which has what such a client needs and nothing of ours::

    python drive.py FOLDER_OF_THE_CLIENT PACKAGE URL API_KEY SITE_ID
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import walk_packages
from typing import Any
from uuid import UUID

PATIENCE_SECONDS = 30.0
NOBODY = UUID("5cc0b472-e488-4de3-92ba-bd718a44933a")
EVENT = "wix.loyalty.v1.account_created"
APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
CONTACTS = "Email,First name\r\nada@example.com,Ada\r\nbob@example.com,Bob\r\nno address,Nobody\r\n"
POINTS = "Email,Points\r\nada@example.com,15\r\nbob@example.com,20\r\nnobody@example.com,1\r\n"


class Service:
    """The calls of one service, and whose they are."""

    def __init__(self, package: str, name: str, client: Any) -> None:
        self._path = f"{package}.api.{name}"
        self._client = client

    def __call__(self, call: str, *parameters: Any, **named: Any) -> Any:
        """Make a call, and return what the client has read its answer as."""
        return import_module(f"{self._path}.{call}").sync(*parameters, client=self._client, **named)


class Client:
    """A client, by services, and its models."""

    def __init__(self, package: str, url: str, key: str, site_id: str) -> None:
        self._package = package
        self._client = import_module(package).AuthenticatedClient(
            base_url=url,
            token=key,
            prefix="",
            headers={"wix-site-id": site_id},
            raise_on_unexpected_status=True,
            timeout=PATIENCE_SECONDS,
        )
        self.models = import_module(f"{package}.models")
        self.types = import_module(f"{package}.types")

    def __getattr__(self, name: str) -> Service:
        """Return a service."""
        return Service(self._package, name, self._client)


def is_a(answer: Any, shape: type) -> Any:
    """Return the answer, which is of that shape."""
    assert isinstance(answer, shape), answer
    return answer


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def upload(api: Client, upload_url: str, text: str) -> None:
    """PUT a file to an upload URL."""
    file = api.types.File(payload=BytesIO(text.encode()))
    is_a(api.files("upload_file", upload_url.rpartition("/")[2], body=file), api.models.Nothing)


def drive_contacts(api: Client) -> None:
    """Load contacts from a file, and see one through its life."""
    models = api.models
    slot = is_a(api.ours("create_contacts_url"), models.FileUrlAnswer)
    upload(api, slot.upload_url, CONTACTS)
    lines = is_a(api.ours("load_contacts", body=models.LoadContacts(file_url=slot.file_path)), str).splitlines()
    loaded = models.ContactLoad.from_dict(json.loads(lines[-1]))
    assert (loaded.rows, loaded.created, loaded.failed, loaded.done) == (3, 2, 1, True)

    details = models.NewContactDetails.from_dict({"emails": {"items": [{"email": "eve@example.com"}]}})
    made = is_a(api.contacts("create_contact", body=models.CreateContact(info=details)), models.ContactAnswer).contact
    taken = is_a(api.contacts("create_contact", body=models.CreateContact(info=details)), models.ErrorAnswer)
    assert taken.details.application_error.code == "ALREADY_EXISTS"
    change = models.UpdateContact(
        info=models.ContactDetails(name=models.NameDetails(first="Eve")), revision=made.revision
    )
    changed = is_a(api.contacts("update_contact", made.id, body=change), models.ContactAnswer).contact
    assert (changed.info.name.first, changed.revision) == ("Eve", 2)
    query = models.ContactsQuery(
        filter_=models.ContactsFilter(primary_info_email=models.TextOperators(starts_with="E")),
        sort=[models.ContactsSort(field_name=models.ContactsSortField.CREATEDDATE, order=models.SortOrder.DESC)],
    )
    found = is_a(api.contacts("query_contacts", body=models.QueryContacts(query=query)), models.ContactsAnswer)
    assert [contact.id for contact in found.contacts] == [made.id]
    is_a(api.contacts("delete_contact", made.id), models.Nothing)
    is_a(api.contacts("get_contact", made.id), models.ErrorAnswer)


def drive_imports(api: Client) -> None:
    """Bring a file to the ledger."""
    models = api.models
    slot = is_a(api.imports("create_file_url", body=models.Empty()), models.FileUrlAnswer)
    upload(api, slot.upload_url, POINTS)
    create = models.CreateImport(file_url=slot.file_path, file_name="points.csv", file_size=len(POINTS))
    made = is_a(api.imports("create_import", body=create), models.ImportAnswer).loyalty_import
    assert (made.status, made.file_metadata.name) == ("INITIATED", "points.csv")

    def has_become(status: str) -> bool:
        got = is_a(api.imports("get_import", loyalty_import_id=made.id), models.ImportAnswer)
        return bool(got.loyalty_import.status == status)

    until(lambda: has_become("PARSED"))
    mappings = [
        models.HeaderMapping(column_name=models.ColumnName.EMAIL, column_index=0),
        models.HeaderMapping(column_name=models.ColumnName.POINTS, column_index=1),
    ]
    info = models.HeaderMappingInfo(header_mappings=mappings)
    options = models.ChosenOptions(mode=models.Mode.SET, max_total_change=1_000, description="From the old shop")
    look = models.PreviewImport(loyalty_import_id=made.id, header_mapping_info=info, options=options)
    begun = is_a(api.imports("preview_import", body=look), models.PreviewAnswer).preview
    previewed = drive_preview(api, "get_preview", made.id)
    assert (previewed.id, previewed.result.rows.imported, previewed.result.rows.failed) == (begun.id, 2, 1)
    execute = models.ExecuteImport(loyalty_import_id=made.id, header_mapping_info=info, options=options)
    is_a(api.imports("execute_import", body=execute), models.ImportAnswer)
    until(lambda: has_become("IMPORTED"))
    again = is_a(api.imports("execute_import", body=execute), models.ErrorAnswer)
    assert again.details.application_error.code == "INVALID_IMPORT_STATUS"

    status = models.LoyaltyImportsStatusOperators(in_=[models.LoyaltyImportsStatus.IMPORTED])
    query = models.LoyaltyImportsQuery(filter_=models.LoyaltyImportsFilter(status=status))
    page = is_a(api.imports("query_imports", body=models.QueryImports(query=query)), models.ImportsAnswer)
    (done,) = page.loyalty_imports
    assert (done.import_result.success_count, done.import_result.failure_count) == (2, 1)
    assert page.paging_metadata.has_next is False
    summary = is_a(api.ours("explain_import", loyalty_import_id=made.id), models.SummaryAnswer)
    assert [(problem.code, problem.count) for problem in summary.problems] == [("CONTACT_NOT_FOUND", 1)]
    url = is_a(api.imports("get_error_file_url", loyalty_import_id=made.id), models.ErrorFileUrlAnswer).url
    assert "nobody@example.com" in is_a(api.files("download_file", url.rpartition("/")[2]), str)
    drive_afterwards(api, made.id)


def drive_preview(api: Client, call: str, import_id: UUID) -> Any:
    """Ask for a preview until it is done."""

    def found() -> Any:
        return is_a(api.imports(call, loyalty_import_id=import_id), api.models.PreviewAnswer).preview

    until(lambda: bool(found().status == "DONE"))
    return found()


def drive_afterwards(api: Client, import_id: UUID) -> None:
    """Try failed rows again, and take that back; what has ended is not cancelled."""
    models = api.models
    named = models.CancelImport(loyalty_import_id=import_id)
    late = is_a(api.imports("cancel_import", body=named), models.ErrorAnswer)
    assert late.details.application_error.code == "INVALID_IMPORT_STATUS"
    right = models.CorrectedRow(line=4, email="ada@example.com", points=16)
    again = models.RetryImport(loyalty_import_id=import_id, corrections=[right])
    retried = is_a(api.imports("retry_import", body=again), models.ImportAnswer).loyalty_import
    assert retried.pointport.retry_of == import_id
    wrong = is_a(api.imports("retry_import", body=again), models.InvalidRequestAnswer)
    assert [one.field for one in wrong.details.validation_error.field_violations] == ["corrections"]

    def found() -> Any:
        got = is_a(api.imports("get_import", loyalty_import_id=retried.id), models.ImportAnswer)
        return got.loyalty_import

    until(lambda: bool(found().status == "IMPORTED"))
    back = models.UndoImport(loyalty_import_id=retried.id)
    is_a(api.imports("preview_undo", body=back), models.PreviewAnswer)
    assert drive_preview(api, "get_undo_preview", retried.id).result.undo.reversed_ == 1
    is_a(api.imports("undo_import", body=back), models.ImportAnswer)
    until(lambda: bool(found().pointport.undo.status == "DONE"))
    assert found().pointport.undo.points_removed == 1


def drive_accounts(api: Client) -> None:
    """Find accounts in each way, and change them."""
    models = api.models
    balances = models.IntegerOperators(gte=10, lt=20)
    which = models.LoyaltyAccountsFilter(points_balance=balances)
    page = is_a(
        api.accounts("query_accounts", body=models.QueryAccounts(query=models.LoyaltyAccountsQuery(filter_=which))),
        models.QueriedAccountsAnswer,
    )
    (ada,) = page.loyalty_accounts
    assert (ada.points.balance, ada.contact.email) == (15, "ada@example.com")
    assert isinstance(ada.id, UUID)
    assert isinstance(ada.created_date, datetime)
    text = models.LoyaltyAccountsText(expression="bob", fields=[models.LoyaltyAccountsTextField.CONTACT_EMAIL])
    searching = models.SearchAccounts(search=models.LoyaltyAccountsSearch(search=text))
    (bob,) = is_a(api.accounts("search_accounts", body=searching), models.FoundAccountsAnswer).accounts
    count = models.CountAccounts(filter_=models.LoyaltyAccountsFilter(not_=which), search=text)
    assert is_a(api.accounts("count_accounts", body=count), models.CountAnswer).count == 1
    assert is_a(api.accounts("count_accounts"), models.CountAnswer).count == 2
    listed = is_a(api.accounts("list_accounts", contact_ids=[bob.id]), models.ListedAccountsAnswer)
    assert listed.accounts == [bob]
    assert is_a(api.accounts("fetch_account", contact_id=bob.id), models.AccountAnswer).account == bob
    assert is_a(api.accounts("get_account", bob.id), models.AccountAnswer).account == bob
    is_a(api.accounts("get_account", NOBODY), models.ErrorAnswer)

    earn = models.EarnPoints(amount=5, description="Birthday", app_id=APP_ID, idempotency_key="birthday")
    earned = is_a(api.accounts("earn_points", ada.id, body=earn), models.PostingAnswer)
    assert (earned.account.points.balance, type(earned.transaction_id)) == (20, UUID)
    adjust = models.AdjustPoints(balance=7, revision=earned.account.revision)
    assert is_a(api.accounts("adjust_points", ada.id, body=adjust), models.PostingAnswer).account.points.balance == 7
    stale = is_a(api.accounts("adjust_points", ada.id, body=adjust), models.ErrorAnswer)
    assert stale.details.application_error.code == "INVALID_REVISION"
    wrong = is_a(api.accounts("adjust_points", ada.id, body=models.AdjustPoints()), models.InvalidRequestAnswer)
    assert [one.field for one in wrong.details.validation_error.field_violations] == ["balance"]

    bulk = models.BulkAdjust(amount=1, search=models.LoyaltyAccountsSearch(filter_=which))
    job_id = is_a(api.accounts("bulk_adjust", body=bulk), models.AsyncJobAnswer).async_job_id
    until(lambda: bool(is_a(api.jobs("get_async_job", job_id), models.JobAnswer).job.status == "FINISHED"))
    totals = is_a(api.accounts("get_program_totals"), models.ProgramTotalsAnswer)
    assert (totals.points.balance, totals.points.earned) == (27, 5)

    statement = is_a(api.ours("show_account", body=models.ShowAccount(email="Ada@example.com")), models.StatementAnswer)
    entries = models.LoyaltyTransactionsQuery(
        filter_=models.LoyaltyTransactionsFilter(
            account_id=ada.id, transaction_type=models.LoyaltyTransactionsTransactionType.EARN
        )
    )
    body = models.QueryTransactions(query=entries)
    (entry,) = is_a(api.transactions("query_transactions", body=body), models.TransactionsAnswer).loyalty_transactions
    assert entry in statement.transactions
    assert is_a(api.transactions("get_transaction", entry.id), models.TransactionAnswer).loyalty_transaction == entry


def drive_program(api: Client) -> None:
    """Change the program."""
    models = api.models
    change = models.ProgramChange(name="Stars", point_definition=models.PointDefinitionChange(custom_name="Stars"))
    changed = is_a(
        api.program("update_program", body=models.UpdateProgram(loyalty_program=change)), models.ProgramAnswer
    )
    assert changed.loyalty_program.point_definition.custom_name == "Stars"
    for call, status in (("pause_program", "PAUSED"), ("activate_program", "ACTIVE")):
        assert is_a(api.program(call), models.ProgramAnswer).loyalty_program.status == status
    expiring = is_a(api.program("enable_points_expiration"), models.ProgramAnswer).loyalty_program
    assert expiring.points_expiration.status == "ENABLED"
    assert is_a(api.program("get_premium_features"), models.PremiumFeatures).tiers is False
    (mine,) = is_a(api.program("bulk_get_programs"), models.ProgramsAnswer).program_in_sites
    assert mine.loyalty_program.name == "Stars"


def drive_webhooks(api: Client) -> None:
    """Subscribe, look at what was sent, and change the key."""
    models = api.models
    create = models.CreateWebhook(target_url="https://127.0.0.1:9/hook", event_types=[models.EventType(EVENT)])
    made = is_a(api.webhooks("create_webhook", body=create), models.WebhookAnswer).webhook
    disabled = is_a(
        api.webhooks("change_webhook", made.id, body=models.ChangeWebhook(enabled=False)), models.WebhookAnswer
    )
    assert is_a(api.webhooks("list_webhooks"), models.WebhooksAnswer).webhooks == [disabled.webhook]
    log = is_a(api.webhooks("list_deliveries", made.id, status=models.DeliveryStatus.FAILED), models.DeliveriesAnswer)
    assert log.deliveries == []
    is_a(api.webhooks("create_signing_key"), models.SigningKeysAnswer)
    keys = is_a(api.webhooks("rotate_signing_key"), models.SigningKeysAnswer).keys
    assert [key.status for key in keys] == ["SIGNING", "RETIRED"]
    is_a(api.webhooks("delete_webhook", made.id), models.Nothing)


def drive_ours(api: Client) -> None:
    """Make a key and take it back; see that the ledger adds up."""
    models = api.models
    create = models.CreateKey(name="Nightly", scopes=[models.CreateKeyScopesItem.IMPORTS])
    made = is_a(api.ours("create_key", body=create), models.NewKeyAnswer)
    is_a(api.ours("revoke_key", made.key_id), models.RevokedKeyAnswer)
    assert len(is_a(api.ours("list_keys"), models.KeysAnswer).keys) == 2
    assert is_a(api.ours("verify_ledger"), models.LedgerAnswer).sound is True
    is_a(api.ours("list_sites"), models.ErrorAnswer)


if __name__ == "__main__":
    folder, *about = sys.argv[1:]
    sys.path.insert(0, folder)
    client = Client(*about)
    for module in walk_packages([str(Path(folder, about[0]))], f"{about[0]}."):
        import_module(module.name)
    drive_contacts(client)
    drive_imports(client)
    drive_accounts(client)
    drive_program(client)
    drive_webhooks(client)
    drive_ours(client)
