"""What a program may do to the points of one customer (contract.md 6.2), each in one transaction with all it causes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from pointport.errors import Conflict, NotFound, PreconditionFailed
from pointport.ledger import accounts, program, transactions
from pointport.ledger.customers import refuse_stale
from pointport.ledger.transactions import ADJUST, EARN, Entry
from pointport.plumbing.database.ids import new_id
from pointport.plumbing.database.pool import Connection, Database
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks import outbox
from pointport.plumbing.webhooks.event_types import EventType

Row = dict[str, Any]


@dataclass(frozen=True)
class Earning:
    """What was earned, and the key by which the same request is known when it comes again."""

    amount: int
    description: str
    idempotency_key: str
    info: dict[str, Any]


@dataclass(frozen=True)
class Adjustment:
    """The balance to set, or else the amount to add; `revision` is the one that was looked at, if any."""

    balance: int | None
    amount: int | None
    description: str
    revision: int | None


def create_account(database: Database, site_id: UUID, contact_id: UUID, *, actor: str, now: datetime) -> Row:
    """Make an account at 0 for a contact and return it.

    Raises PreconditionFailed unless the program is active, NotFound for a contact that is none, Conflict for one that has
    an account.
    """
    with database.transaction(site_id) as connection:
        program.require(connection, site_id, program.ACTIVE, to="make accounts")
        if not accounts.lock_owner(connection, site_id, contact_id):
            raise NotFound(f"there is no contact {contact_id}", code="CONTACT_NOT_FOUND")
        if not accounts.insert(connection, site_id, contact_id, now=now):
            raise Conflict("the contact has a loyalty account already", data={"accountId": str(contact_id)})
        made = _locked(connection, site_id, contact_id)
        _tell(connection, EventType.ACCOUNT_CREATED, made, actor, now)
        sites.note(connection, site_id, actor=actor, action="account.create", subject_id=contact_id, now=now)
    return made


def earn(
    database: Database,
    site_id: UUID,
    account_id: UUID,
    earning: Earning,
    *,
    points_max: int,
    actor: str,
    now: datetime,
) -> tuple[Row, UUID]:
    """Give points and return the account as it is now, and the id of the entry.

    A key that was used already gives what it gave then. Raises NotFound, Conflict when it was used for something else,
    PreconditionFailed unless the program is active, and for a balance that would be too large.
    """
    try:
        with database.transaction(site_id) as connection:
            account = _locked(connection, site_id, account_id)
            earlier = transactions.find_by_key(connection, site_id, earning.idempotency_key)
            if earlier is not None:
                _refuse_other(earlier, account_id, earning)
                return account, earlier["id"]
            program.require(connection, site_id, program.ACTIVE, to="earn points")
            _refuse_beyond(account["balance"] + earning.amount, points_max)
            entry = Entry(
                id=new_id(),
                account_id=account_id,
                revision=account["revision"] + 1,
                transaction_type=EARN,
                amount=earning.amount,
                amount_before=account["balance"],
                description=earning.description,
                idempotency_key=earning.idempotency_key,
                created_date=now,
                info=earning.info,
            )
            return _post(connection, account, entry, actor), entry.id
    except UniqueViolation as error:
        raise _key_used(earning.idempotency_key) from error


def adjust(
    database: Database,
    site_id: UUID,
    account_id: UUID,
    adjustment: Adjustment,
    *,
    points_max: int,
    actor: str,
    now: datetime,
) -> tuple[Row, UUID | None]:
    """Set or change a balance and return the account, and the id of the entry, or None when nothing changes.

    Raises NotFound, Conflict for a stale revision, PreconditionFailed while the program is a draft, and for a balance
    that would be negative or too large.
    """
    with database.transaction(site_id) as connection:
        account = _locked(connection, site_id, account_id)
        program.require(connection, site_id, program.ACTIVE, program.PAUSED, to="adjust points")
        if adjustment.revision is not None:
            refuse_stale(account["revision"], adjustment.revision)
        amount = adjustment.amount or 0
        wanted = adjustment.balance if adjustment.balance is not None else account["balance"] + amount
        _refuse_beyond(wanted, points_max)
        if wanted == account["balance"]:
            return account, None
        entry_id = new_id()
        entry = Entry(
            id=entry_id,
            account_id=account_id,
            revision=account["revision"] + 1,
            transaction_type=ADJUST,
            amount=wanted - account["balance"],
            amount_before=account["balance"],
            description=adjustment.description,
            idempotency_key=str(entry_id),  # it brings none of its own (contract.md 6.3)
            created_date=now,
        )
        sites.note(connection, site_id, actor=actor, action="account.adjust", subject_id=account_id, now=now)
        return _post(connection, account, entry, actor), entry.id


def _locked(connection: Connection, site_id: UUID, account_id: UUID) -> Row:
    found = accounts.lock(connection, site_id, account_id)
    if found is None:
        raise NotFound(f"there is no loyalty account {account_id}", code="ACCOUNT_NOT_FOUND")
    return found


def _post(connection: Connection, account: Row, entry: Entry, actor: str) -> Row:
    """Write the entry, bring the account after it, and tell who listens."""
    site_id, now = account["site_id"], entry.created_date
    transactions.insert(connection, site_id, entry)
    changed = accounts.change_points(
        connection,
        site_id,
        entry.account_id,
        earned=entry.amount if entry.transaction_type == EARN else 0,
        adjusted=entry.amount if entry.transaction_type == ADJUST else 0,
        now=now,
    )
    changed = {**account, **changed}
    _tell(connection, EventType.ACCOUNT_UPDATED, changed, actor, now)
    _tell(connection, EventType.ACCOUNT_POINTS_UPDATED, changed, actor, now)
    return changed


def _tell(connection: Connection, event_type: EventType, account: Row, actor: str, now: datetime) -> None:
    outbox.record(
        connection,
        account["site_id"],
        event_type,
        entity_id=account["id"],
        sequence=account["revision"],
        payload=lambda: account,
        actor=actor,
        now=now,
    )


def _refuse_beyond(balance: int, points_max: int) -> None:
    if balance < 0:
        raise PreconditionFailed(
            f"the balance would be {balance}; it cannot be less than 0",
            code="BALANCE_WOULD_BE_NEGATIVE",
            data={"balance": balance},
        )
    if balance > points_max:
        raise PreconditionFailed(
            f"the balance would be {balance}; it cannot be more than {points_max}",
            code="BALANCE_TOO_LARGE",
            data={"balance": balance, "maxBalance": points_max},
        )


def _refuse_other(earlier: Row, account_id: UUID, earning: Earning) -> None:
    before = (earlier["account_id"], earlier["transaction_type"], earlier["amount"], earlier["description"])
    if (*before, earlier["info"]) != (account_id, EARN, earning.amount, earning.description, earning.info):
        raise _key_used(earning.idempotency_key)


def _key_used(key: str) -> Conflict:
    return Conflict(
        f"the idempotency key {key!r} was used for another request; a new request needs a key of its own",
        code="IDEMPOTENCY_KEY_REUSED",
    )
