"""Which status may follow which: all pairs, against the picture of the contract."""

import itertools

import pytest

from pointport.imports.status import ALLOWED, UNFINISHED, Status

# create ─▶ INITIATED ─▶ PARSING ─┬▶ PARSED ──execute──▶ IMPORTING ─┬▶ IMPORTED
#                                 └▶ FAILED                         └▶ FAILED
WAYS = {
    ("INITIATED", "PARSING"),
    ("PARSING", "PARSED"),
    ("PARSING", "FAILED"),
    ("PARSED", "IMPORTING"),
    ("IMPORTING", "IMPORTED"),
    ("IMPORTING", "FAILED"),
}


def test_the_statuses_are_those_of_the_contract() -> None:
    # UNKNOWN is on the wire too, but is never sent.
    assert [status.value for status in Status] == ["INITIATED", "PARSING", "PARSED", "IMPORTING", "IMPORTED", "FAILED"]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_each_way_is_allowed_just_when_the_contract_has_it(before: Status, after: Status) -> None:
    assert (after in ALLOWED[before]) == ((before.value, after.value) in WAYS)


def test_every_status_can_be_reached_and_every_way_ends() -> None:
    reached, ends = {Status.INITIATED}, set()
    for status in Status:  # in the order of life, so one walk is enough
        assert status in reached
        reached |= ALLOWED[status]
        if not ALLOWED[status]:
            ends.add(status)
    assert ends == {Status.IMPORTED, Status.FAILED}


def test_a_job_is_at_work_wherever_the_way_goes_on_by_itself() -> None:
    # A parsed import waits for its user.
    assert {status for status in Status if ALLOWED[status]} - {Status.PARSED} == UNFINISHED


def test_nobody_can_change_the_table() -> None:
    with pytest.raises(TypeError):
        ALLOWED[Status.FAILED] = frozenset()  # type: ignore[index]
