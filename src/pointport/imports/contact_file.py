"""The other story: a file of contacts goes in, and each address is a contact of the site.

Contacts are merged in batches, each its own transaction, so a load that dies half way is simply run again: what is
there already changes nothing.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from pointport.errors import InvalidRequest, NotFound, Violation
from pointport.imports import intake, problems
from pointport.imports.problems import Problem
from pointport.imports.reading import encoding, files, headings, learning
from pointport.imports.shapes import Learned, Row, Workshop
from pointport.ledger import contacts
from pointport.ledger.addresses import normal_form, trimmed
from pointport.ledger.contacts import NAME_CHARACTERS_MAX, Merged, NewContact

BATCH_ROWS = 25_000
EXAMPLES_MAX = 100
LANES = 2
"""Transactions that merge side by side, each its own addresses, in their order: none waits for another for long."""

TAKEN = {"email": "e-mail addresses", "first_name": "first names", "last_name": "last names"}
"""What is taken from columns, by the field that chooses one."""

NAME_TOO_LONG = Problem(
    "NAME_TOO_LONG",
    "A name is too long",
    None,
    '"{value}" in column "{column}" is longer than {longest} characters.',
    "Shorten it, or leave it away.",
)
"""Not in the catalogue: an import reads no names."""

Failure = tuple[int, str, str]
"""Line, code and message."""


@dataclass(frozen=True)
class Headings:
    """Which columns the caller named, by heading or by number from 1; None for what is to be found out."""

    email: str | None
    first_name: str | None
    last_name: str | None


@dataclass(frozen=True)
class Plan:
    """A file that was read once, and its columns counting from 0."""

    path: str
    learned: Learned
    email: int
    first_name: int | None
    last_name: int | None


@dataclass(frozen=True)
class State:
    """How far a load is: rows of the file so far, and what became of them; `failures` shows the first of the failed."""

    rows_total: int
    rows: int = 0
    created: int = 0
    changed: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    done: bool = False


def open_file(workshop: Workshop, site_id: UUID, file_url: str, wanted: Headings) -> Plan:
    """Read the file once and settle its columns.

    Raises NotFound for a file that was not uploaded here, FileRejected for one that cannot be read, InvalidRequest when
    the columns cannot be told.
    """
    path = intake.object_path(file_url, site_id)
    if path is None:
        raise NotFound(f"no file was uploaded to {file_url}", code="FILE_NOT_FOUND")
    learned = learning.learn(lambda: workshop.objects.get(path), workshop.settings, columns_min=1)
    chosen = {field: _column(learned.header, field, heading) for field, heading in dataclasses.asdict(wanted).items()}
    email = learned.suggestion.email if chosen["email"] is None else chosen["email"]
    if email is None:
        raise InvalidRequest(Violation("email", f"names no column. {learned.suggestion.why}", "REQUIRED_FIELD"))
    chosen["email"] = email
    _refuse_doubles(learned.header, chosen)
    return Plan(
        path,
        learned,
        email,
        _found_out(learned.header, chosen, "first_name", headings.FIRST_NAME_ALIASES),
        _found_out(learned.header, chosen, "last_name", headings.LAST_NAME_ALIASES),
    )


def load(workshop: Workshop, site_id: UUID, plan: Plan) -> Iterator[State]:
    """Merge the file's contacts, a state after each batch, the last with `done`."""
    state = State(rows_total=plan.learned.row_count)
    found = files.read(workshop.objects.get(plan.path), plan.learned.dialect, workshop.settings)
    # While the database takes one batch, the next is read.
    with ExitStack() as opened:
        lanes = [opened.enter_context(ThreadPoolExecutor(1, thread_name_prefix="contacts")) for _ in range(LANES)]
        merging: list[Future[Merged]] = []
        ahead = state
        while batch := list(itertools.islice(found, BATCH_ROWS)):
            good, bad = _judge(batch, plan)
            if merging:
                state = _counted(ahead, merging)
                yield state
            ahead = dataclasses.replace(
                state,
                rows=state.rows + len(batch),
                failed=state.failed + len(bad),
                failures=(state.failures + tuple(bad))[:EXAMPLES_MAX],
            )
            merging = [
                lane.submit(_merge, workshop, site_id, share)
                for lane, share in zip(lanes, _shared_out(good), strict=True)
            ]
        state = _counted(ahead, merging)
        if merging:
            yield state
    yield dataclasses.replace(state, done=True)


def _shared_out(good: Sequence[NewContact]) -> list[list[NewContact]]:
    """Share a batch out to the lanes: an address always to the same one, so that its rows stay in their order."""
    shares: list[list[NewContact]] = [[] for _ in range(LANES)]
    for contact in good:
        shares[hash(contact.email) % LANES].append(contact)
    return shares


def _merge(workshop: Workshop, site_id: UUID, share: Sequence[NewContact]) -> Merged:
    """Merge a share of a batch, all or nothing."""
    with workshop.database.transaction(site_id) as connection:
        return contacts.merge(connection, site_id, share, now=workshop.clock())


def _counted(state: State, merging: Sequence[Future[Merged]]) -> State:
    """Wait for the shares of a batch, and count what became of them."""
    done = [future.result() for future in merging]
    return dataclasses.replace(
        state,
        created=state.created + sum(merged.created for merged in done),
        changed=state.changed + sum(merged.changed for merged in done),
    )


def _judge(batch: Sequence[Row], plan: Plan) -> tuple[list[NewContact], list[Failure]]:
    good, bad = [], []
    for line, cells, fault in batch:
        text = cells[plan.email] if plan.email < len(cells) else ""
        damaged = plan.learned.damaged_rows > 0 and encoding.is_damaged("".join(cells))
        email = None if damaged or fault else normal_form(text)
        if email is None:
            problem = problems.EMAIL_INVALID if trimmed(text) else problems.EMAIL_MISSING
            if damaged or fault:
                problem = problems.CATALOGUE[fault] if fault else problems.ENCODING_ERROR
            known = plan.learned.dialect.encoding
            detail = {"encoding": encoding.NAMES.get(known, known), "longest": max(map(len, cells), default=0)}
            shown = problem.message(value=trimmed(text), column=plan.learned.header[plan.email], detail=detail)
            bad.append((line, problem.code, shown))
        else:
            contact = NewContact(email, _cell(cells, plan.first_name), _cell(cells, plan.last_name))
            too_long = _too_long(contact, plan)
            if too_long is None:
                good.append(contact)
            else:
                bad.append((line, NAME_TOO_LONG.code, too_long))
    return good, bad


def _too_long(contact: NewContact, plan: Plan) -> str | None:
    """Say which name is longer than a contact's may be, if one is: cut, it would be another, and nobody would know."""
    for name, index in ((contact.first_name, plan.first_name), (contact.last_name, plan.last_name)):
        if index is not None and len(name) > NAME_CHARACTERS_MAX:
            detail = {"longest": NAME_CHARACTERS_MAX}
            return NAME_TOO_LONG.message(value=name, column=plan.learned.header[index], detail=detail)
    return None


def _cell(cells: Sequence[str], index: int | None) -> str:
    """Return a name without what is around it."""
    if index is None or index >= len(cells):
        return ""
    text = cells[index]
    if text.isascii() and text.isprintable():
        return text.strip(" ")  # As nearly every name is: there is nothing else to take off.
    return trimmed(text).replace("\0", "")


def _refuse_doubles(header: Sequence[str], chosen: Mapping[str, int | None]) -> None:
    """Raise InvalidRequest when one column is to be two things."""
    taken: dict[int, str] = {}
    for field, index in chosen.items():
        if index in taken:
            told = f'names "{header[index]}", the column that {taken[index]} are taken from'
            raise InvalidRequest(Violation(field, told, "VALIDATION"))
        if index is not None:
            taken[index] = TAKEN[field]


def _found_out(
    header: Sequence[str], chosen: Mapping[str, int | None], field: str, aliases: frozenset[str]
) -> int | None:
    """Return the column that was chosen, or else the only one that is called so, unless it was chosen as another."""
    found = [index for index in headings.columns_named(header, aliases) if index not in chosen.values()]
    return chosen[field] if chosen[field] is not None or len(found) != 1 else found[0]


def _column(header: Sequence[str], field: str, wanted: str | None) -> int | None:
    """Return the column of a heading, or of a number from 1. Raises InvalidRequest when there is none, or several."""
    if wanted is None:
        return None
    index = headings.find(header, wanted)
    if index is None:
        raise InvalidRequest(Violation(field, f'"{wanted}" is no column; there are {", ".join(header)}', "VALIDATION"))
    return index
