"""django-import-export, tuned as its documentation advises for bulk imports, on two tables like ours.

Run as a process of its own: the file and the conninfo of a fresh database are its arguments; it prints the seconds of a
first import and of one that changes every balance.
"""

import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import django  # type: ignore[import-not-found]
import tablib  # type: ignore[import-not-found]
from django.conf import settings  # type: ignore[import-not-found]
from psycopg.conninfo import conninfo_to_dict


def configure(conninfo: str) -> None:
    """Point Django at the database."""
    found = conninfo_to_dict(conninfo)
    settings.configure(
        INSTALLED_APPS=["import_export"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": found["host"],
                "PORT": found["port"],
                "USER": found["user"],
                "NAME": found["dbname"],
            }
        },
        IMPORT_EXPORT_USE_TRANSACTIONS=True,
        USE_TZ=True,
    )
    django.setup()


def main() -> None:
    """Import both files, and print the seconds of each."""
    first, again, conninfo = sys.argv[1:]
    configure(conninfo)
    from django.db import connection, models  # type: ignore[import-not-found]  # noqa: PLC0415  (only once Django is configured)
    from import_export import fields, resources, widgets  # type: ignore[import-untyped]  # noqa: PLC0415

    class Contact(models.Model):  # type: ignore[misc]
        email = models.CharField(max_length=320, unique=True)

        class Meta:
            app_label = "bench"

    class Account(models.Model):  # type: ignore[misc]
        contact = models.OneToOneField(Contact, on_delete=models.PROTECT)
        balance = models.BigIntegerField()

        class Meta:
            app_label = "bench"

    class Transaction(models.Model):  # type: ignore[misc]
        account = models.ForeignKey(Account, on_delete=models.PROTECT)
        amount = models.BigIntegerField()
        amount_before = models.BigIntegerField()
        amount_after = models.BigIntegerField()
        created_date = models.DateTimeField(auto_now_add=True)

        class Meta:
            app_label = "bench"

    class Loader:
        """Looks instances up in a dictionary that is read once: the documentation's CachedInstanceLoader for our key."""

        def __init__(self, resource: Any, dataset: Any) -> None:
            emails = [email for email in dataset["Email"] if email]
            found = Account.objects.select_related("contact").filter(contact__email__in=emails)
            self._accounts = {account.contact.email: account for account in found}

        def get_instance(self, row: dict[str, Any]) -> Any:
            """Return the account of a row."""
            return self._accounts.get(row["Email"])

    class AccountResource(resources.ModelResource):  # type: ignore[misc]
        contact = fields.Field(
            column_name="Email", attribute="contact", widget=widgets.ForeignKeyWidget(Contact, field="email")
        )
        balance = fields.Field(column_name="Points", attribute="balance", widget=widgets.IntegerWidget())

        class Meta:
            model = Account
            fields = ("contact", "balance")
            import_id_fields = ("contact",)
            use_bulk = True
            batch_size = 1_000
            skip_diff = True
            skip_html_diff = True
            skip_row_result_instance = True
            force_init_instance = False
            instance_loader_class = Loader

        def before_import(self, dataset: Any, **_: Any) -> None:
            """Remember what the balances were, for the entries."""
            accounts = Account.objects.filter(contact__email__in=dataset["Email"])
            self.before = dict(accounts.values_list("contact__email", "balance"))
            self.contacts = {contact.email: contact for contact in Contact.objects.filter(email__in=dataset["Email"])}

        def after_import(self, dataset: Any, result: Any, **_: Any) -> None:
            """Write an entry for each balance that has changed."""
            entries = []
            for account in Account.objects.select_related("contact").filter(contact__email__in=dataset["Email"]):
                before = self.before.get(account.contact.email, 0)
                if account.balance != before:
                    entries.append(
                        Transaction(
                            account=account,
                            amount=account.balance - before,
                            amount_before=before,
                            amount_after=account.balance,
                        )
                    )
            Transaction.objects.bulk_create(entries, batch_size=1_000)

    with connection.schema_editor() as editor:
        for model in (Contact, Account, Transaction):
            editor.create_model(model)
    with Path(first).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    emails = {row["Email"].removeprefix("nobody.") for row in rows}
    Contact.objects.bulk_create([Contact(email=email) for email in sorted(emails)], batch_size=5_000)
    seconds = []
    for path in (first, again):
        begun = time.perf_counter()
        dataset = tablib.Dataset().load(Path(path).read_text(encoding="utf-8"), format="csv")
        result = AccountResource().import_data(dataset, raise_errors=False, use_transactions=True)
        seconds.append(time.perf_counter() - begun)
        imported = result.totals["new"] + result.totals["update"]
        if imported + result.totals["error"] + result.totals["invalid"] != len(rows):
            raise RuntimeError(f"it did not go through: {result.totals}")
    sys.stdout.write(json.dumps(seconds) + "\n")


main()
