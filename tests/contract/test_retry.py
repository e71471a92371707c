"""POST /v1/loyalty-imports/retry (design.md 8): failed rows, corrected, once more, and each of them once."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pointport.app import App
from pointport.entrypoints.api.imports.create_import import FILE_NAME_CHARACTERS_MAX
from pointport.imports import retries, steps
from pointport.imports.reading.corrected import CORRECTED_COLUMNS
from tests.conftest import Site, Story
from tests.contract.conftest import (
    DEFAULT_OPTIONS,
    NOBODY,
    Clock,
    Door,
    Json,
    begin_parsing,
    failed,
    invalid,
    mapped,
    nothing_changed,
    violation,
    work,
)

CONTENT = (
    b"Name,Email,Points\r\n"
    b"Ada,ada@example.com,15\r\n"
    b"Bob,bob@example.com,lots\r\n"
    b"Cyd,cid@example.com,30\r\n"
    b"Dan,dan@example.com,\r\n"
)
"""Line 2 goes through; 3, 4 and 5 fail."""
COLUMNS = mapped(1, 2)
OPTIONS = {"mode": "ADD", "duplicates": "SUM", "description": "Spring", "notify": False}
OURS = ",".join(CORRECTED_COLUMNS)


@pytest.fixture(autouse=True)
def _customers(story: Story) -> None:
    story.add_contacts(*(f"{name}@example.com" for name in ("ada", "bob", "cyd", "dan")))


@pytest.fixture
def ended(door: Door) -> str:
    """An import that adds points, of whose four rows three have failed."""
    return str(door.run(CONTENT, 1, 2, **OPTIONS)["id"])


def errors_of(door: Door, import_id: str) -> str:
    return f"\ufeff{door.errors(import_id)}"


def counts(door: Door, import_id: str) -> tuple[int, int]:
    found = door.show(import_id)["importResult"]
    return found["successCount"], found["failureCount"]


def retry(door: Door, import_id: str, text: str, **body: Any) -> Json:
    return door.done("retry", import_id, fileUrl=door.story.upload(text.encode()), **body)


# --- From the error file ------------------------------------------------------------------------------------------------


def test_the_corrected_error_file_makes_an_import_that_goes_by_itself(
    door: Door, story: Story, ended: str, clock: Clock
) -> None:
    """8: with the columns and options of the one before; its rows stand for those that failed."""
    clock.advance(1)
    corrected = errors_of(door, ended).replace(",lots,", ",20,").replace("cid@", "cyd@")
    path = story.upload(corrected.encode())
    before = door.show(ended)
    answer = door.post("retry", ended, fileUrl=path, fileName="corrected.csv")
    assert answer.status_code == 200
    made = answer.json()["loyaltyImport"]
    assert made == {
        "id": made["id"],
        "revision": "1",
        "createdDate": "2026-03-04T05:06:08.089Z",
        "updatedDate": "2026-03-04T05:06:08.089Z",
        "status": "INITIATED",
        "fileMetadata": {
            "size": len(corrected.encode()),
            "name": "corrected.csv",
            "url": path,
            "sampleDataRows": [],
        },
        "pointport": {"retryOf": ended},
    }
    assert work(story) == ["parse_import", "run_import"]
    found = door.show(made["id"])
    assert (found["status"], counts(door, made["id"])) == ("IMPORTED", (2, 1))
    assert found["fileMetadata"]["header"] == {"values": ["Name", "Email", "Points"]}
    assert found["fileMetadata"]["headerMappingInfo"] == COLUMNS["headerMappingInfo"]
    assert found["pointport"]["options"] == {**DEFAULT_OPTIONS, **OPTIONS}
    assert found["pointport"]["retryOf"] == ended
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20, "cyd@example.com": 30}
    assert {one["description"] for one in door.transactions()} == {"Spring"}
    # The first of the family knows of it; what it came to itself stays.
    root = door.show(ended)
    assert root["pointport"]["retries"] == [made["id"]]
    assert (before["pointport"]["stillFailedCount"], root["pointport"]["stillFailedCount"]) == (3, 1)
    assert root["importResult"] == before["importResult"]
    # What is said of the family is said of its first alone.
    assert not {"retries", "stillFailedCount"} & set(found["pointport"])


def test_a_part_of_the_failed_rows_may_be_tried_again_in_any_order(door: Door, story: Story, ended: str) -> None:
    heading, bob, cyd, _ = errors_of(door, ended).splitlines(keepends=True)
    made = retry(door, ended, heading + cyd.replace("cid@", "cyd@") + bob.replace(",lots,", ",20,"))
    assert counts(door, made["id"]) == (2, 0)
    assert door.show(ended)["pointport"]["stillFailedCount"] == 1


def test_without_a_name_it_is_called_as_its_path(door: Door, story: Story, ended: str) -> None:
    path = story.upload(errors_of(door, ended).encode())
    made = door.post("retry", ended, fileUrl=path).json()["loyaltyImport"]
    assert made["fileMetadata"]["name"] == path.rpartition("/")[2]


def test_a_file_that_a_spreadsheet_has_saved_is_the_same(door: Door, ended: str) -> None:
    """5: another delimiter, another encoding, no BOM."""
    rows = list(csv.reader(io.StringIO(door.errors(ended))))
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([[cell.replace("lots", "20") for cell in row] for row in rows])
    made = door.done("retry", ended, fileUrl=door.story.upload(text.getvalue().encode("cp1252")))
    assert counts(door, made["id"]) == (1, 2)


def test_a_retry_of_a_retry_is_of_the_family(door: Door, story: Story, ended: str) -> None:
    """8: lines are those of the import that is named; the first of the family counts what is left."""
    first = retry(door, ended, errors_of(door, ended).replace(",lots,", ",20,"))["id"]
    assert counts(door, first) == (1, 2)
    errors = errors_of(door, first)
    assert [row["Import line"] for row in csv.DictReader(io.StringIO(errors.lstrip("\ufeff")))] == ["3", "4"]
    second = retry(door, first, errors.replace("cid@", "cyd@"))["id"]
    assert counts(door, second) == (1, 1)
    third = door.done("retry", second, corrections=[{"line": 3, "points": 40}])["id"]
    assert counts(door, third) == (1, 0)
    root = door.show(ended)
    assert root["pointport"]["retries"] == [first, second, third]
    assert root["pointport"]["stillFailedCount"] == 0
    assert [door.show(one)["pointport"]["retryOf"] for one in (first, second, third)] == [ended, first, second]
    everyone = {"ada@example.com": 15, "bob@example.com": 20, "cyd@example.com": 30, "dan@example.com": 40}
    assert story.balances() == everyone
    # All is done: whichever of the family is asked, nothing is taken a second time.
    for import_id, text in ((ended, errors_of(door, ended)), (first, errors)):
        refused(door, import_id, {"fileUrl": story.upload(text.encode())})
    assert story.balances() == everyone


def test_rows_that_failed_in_a_retry_may_be_tried_from_the_first_file_again(door: Door, ended: str) -> None:
    errors = errors_of(door, ended)
    assert counts(door, retry(door, ended, errors)["id"]) == (0, 3)
    assert counts(door, retry(door, ended, errors.replace("cid@", "cyd@"))["id"]) == (1, 2)


def test_a_retry_is_undone_by_itself(door: Door, story: Story, ended: str) -> None:
    made = door.done("retry", ended, corrections=[{"line": 3, "points": 20}])["id"]
    door.done("undo", made)
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 0}


# --- From corrections ---------------------------------------------------------------------------------------------------


def test_corrections_say_what_is_right_instead(door: Door, story: Story, ended: str) -> None:
    """8: an address, points as number or as text, or both; what is not said stays as it is in the file."""
    corrections = [
        {"line": 5, "points": "40"},
        {"line": 3, "email": None, "points": 20},
        {"line": 4, "email": " Cyd@Example.com "},
    ]
    made = door.done("retry", ended, corrections=corrections)
    assert (made["status"], counts(door, made["id"])) == ("IMPORTED", (3, 0))
    assert made["fileMetadata"]["name"] == "file-corrected.csv"
    assert made["fileMetadata"]["sampleDataRows"] == [
        {"values": ["Bob", "bob@example.com", "20"]},
        {"values": ["Cyd", " Cyd@Example.com ", "30"]},
        {"values": ["Dan", "dan@example.com", "40"]},
    ]
    assert story.balances() == {
        "ada@example.com": 15,
        "bob@example.com": 20,
        "cyd@example.com": 30,
        "dan@example.com": 40,
    }
    assert door.show(ended)["pointport"]["stillFailedCount"] == 0


def test_a_correction_may_be_wrong_and_say_so_again(door: Door, ended: str) -> None:
    made = door.done("retry", ended, corrections=[{"line": 3, "email": "=1+1", "points": "few"}, {"line": 4}])
    assert counts(door, made["id"]) == (0, 2)
    rows = list(csv.reader(io.StringIO(door.errors(made["id"]))))
    assert [row[:6] for row in rows[1:]] == [
        ["Bob", "'=1+1", "few", "2", "FAILED", "EMAIL_INVALID"],
        ["Cyd", "cid@example.com", "30", "3", "FAILED", "CONTACT_NOT_FOUND"],
    ]


# --- Once ---------------------------------------------------------------------------------------------------------------


def test_the_same_request_again_makes_no_second_import(door: Door, story: Story, ended: str) -> None:
    """7: Idempotency-Key, with a file and with corrections; and it is not the key of something else."""
    bodies: tuple[Json, Json] = (
        {"corrections": [{"line": 3, "points": 20}]},
        {"fileUrl": story.upload(errors_of(door, ended).encode())},
    )
    first = door.post("retry", ended, key="a", **bodies[0])
    assert first.status_code == 200
    work(story)
    with nothing_changed(story):
        again = door.post("retry", ended, key="a", **bodies[0])
        other = door.post("retry", ended, key="a", **bodies[1])
    assert (again.status_code, again.content) == (200, first.content)
    assert other.status_code == 400
    assert other.json() == invalid(
        violation("Idempotency-Key", "was used with another body; a new request needs a key of its own", "OTHER")
    )
    assert story.balances() == {"ada@example.com": 15, "bob@example.com": 20}


def test_a_row_that_is_just_being_tried_is_not_taken_again(door: Door, story: Story, ended: str) -> None:
    """8: a second retry of the same rows is refused while the first waits, and after it has gone through."""
    body: Json = {"corrections": [{"line": 3, "points": 20}]}
    first = door.post("retry", ended, **body).json()["loyaltyImport"]["id"]
    told = "the lines 3 went through meanwhile, or are just being tried again; take them out"
    assert refused(door, ended, body) == invalid(violation("corrections", told, "OTHER"))
    steps.parse(story.app, story.site_id, UUID(first), lambda: False)
    refused(door, ended, body)
    work(story)
    refused(door, ended, body)
    # The others may.
    assert counts(door, door.done("retry", ended, corrections=[{"line": 5, "points": 1}])["id"]) == (1, 0)


# --- What is wrong with it ----------------------------------------------------------------------------------------------


def refused(door: Door, import_id: str | UUID, body: Json, status: int = 400) -> Json:
    """A retry that is refused, and nothing has changed."""
    with nothing_changed(door.story):
        answer = door.post("retry", import_id, **body)
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


def refused_file(door: Door, import_id: str, text: str | bytes) -> str:
    """A file that is refused; returns what is said of it."""
    content = text if isinstance(text, bytes) else text.encode()
    body = refused(door, import_id, {"fileUrl": door.story.upload(content)})
    (one,) = body["details"]["validationError"]["fieldViolations"]
    assert (one["field"], one["violatedRule"]) == ("fileUrl", "OTHER")
    told: str = one["description"]
    return told


NOT_OURS = (
    'is no error file of ours: its last columns must be "Import line", "Import status", "Error code", "Error reason".'
    " Correct the error file of this import, and leave its columns as they are."
)


def test_a_file_that_is_not_ours_is_refused(door: Door, ended: str) -> None:
    for text in (
        CONTENT,
        "Name,Email,Points,Import line\r\nBob,bob@example.com,20,3\r\n",
        f"{OURS},Name,Email,Points\r\n3,FAILED,X,x,Bob,bob@example.com,20\r\n",
        "bob@example.com,20\r\n",
    ):
        assert refused_file(door, ended, text) == NOT_OURS
    assert refused_file(door, ended, b"") == (
        "cannot be read: The file is empty. Export it again and look at its size."
    )
    assert refused_file(door, ended, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n").startswith("cannot be read: ")


def test_a_file_without_rows_is_refused(door: Door, ended: str) -> None:
    assert refused_file(door, ended, f"Name,Email,Points,{OURS}\r\n") == "has no rows"
    assert refused_file(door, ended, f"Name,Email,Points,{OURS}\r\n,,,,,,\r\n\r\n") == "has no rows"


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        (
            f"Email,Name,Points,{OURS}",
            (
                'has other columns than the import: column 1 is "Email" and was "Name"; column 2 is "Name" and was'
                ' "Email". Leave them in their places.'
            ),
        ),
        (
            f"Name,E-mail,Points,{OURS}",
            'has other columns than the import: column 2 is "E-mail" and was "Email". Leave them in their places.',
        ),
        (
            f"Name,Email,{OURS}",
            "has other columns than the import: there are 2 columns, and were 3. Leave them in their places.",
        ),
        (
            f"Name,Email,Points,Note,{OURS}",
            'has other columns than the import: column 4 is "Note" and was "". Leave them in their places.',
        ),
    ],
)
def test_columns_that_were_moved_renamed_or_taken_out_are_named(
    door: Door, ended: str, heading: str, told: str
) -> None:
    cells = ["bob@example.com"] * heading.count(",")
    cells[-4:] = ["3", "FAILED", "X", "x"]
    assert refused_file(door, ended, f"{heading}\r\n{','.join(cells)}\r\n") == told


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["3", "4", "3"], "the lines 3 stand more than once in the file"),
        (["2", "3"], "the lines 2 of import {} did not fail, so they are not tried again"),
        (["1"], "the lines 1 of import {} did not fail, so they are not tried again"),
        (["0"], "the lines 0 of import {} did not fail, so they are not tried again"),
        (["4294967296"], "the lines 4294967296 of import {} did not fail, so they are not tried again"),
        (
            [str(line) for line in range(100, 120)],
            (
                "the lines 100, 101, 102, 103, 104, 105, 106, 107, 108, 109 and 10 more of import {} did not fail, so"
                " they are not tried again"
            ),
        ),
    ],
)
def test_lines_that_do_not_stand_for_a_failed_row_are_named(
    door: Door, ended: str, lines: list[str], told: str
) -> None:
    rows = "".join(f"Bob,bob@example.com,20,{line},FAILED,X,x\r\n" for line in lines)
    assert refused_file(door, ended, f"Name,Email,Points,{OURS}\r\n{rows}") == told.format(ended)


@pytest.mark.parametrize(
    "cell",
    ["", " ", "x", "3x", "-3", "3.0", "3,0", "三", "٣", "=3", "99999999999", "1" * 500],
)
def test_a_cell_that_names_no_line_is_shown(door: Door, ended: str, cell: str) -> None:
    text = f'Name,Email,Points,{OURS}\r\nBob,bob@example.com,20,"{cell}",FAILED,X,x\r\n'
    assert refused_file(door, ended, text) == (
        f'has no line of the import in line 2: the column "Import line" says "{cell.strip()[:100]}". Leave it as it is in'
        " the error file, and put new rows into a file of their own."
    )


def test_a_row_that_ends_before_our_columns_names_no_line(door: Door, ended: str) -> None:
    told = refused_file(door, ended, f"Name,Email,Points,{OURS}\r\nBob,bob@example.com\r\n")
    assert told.startswith('has no line of the import in line 2: the column "Import line" says "".')


def test_the_error_file_of_another_import_is_refused(door: Door, story: Story, ended: str) -> None:
    """Whose columns are the same, but whose rows did not fail here."""
    other = door.run(b"Name,Email,Points\r\nAda,ada@example.com,few\r\n", 1, 2)["id"]
    assert refused_file(door, ended, errors_of(door, other)) == (
        f"the lines 2 of import {ended} did not fail, so they are not tried again"
    )


def test_a_file_that_nobody_uploaded_is_not_found(
    door: Door, story: Story, app: App, ended: str, make_site: Callable[[str], Site]
) -> None:
    other = Story(app, make_site("Other Shop").id)
    for path in (steps.create_slot(story.site_id), other.upload(b"x"), f"/sites/{story.site_id}/../x.csv"):
        answer = door.post("retry", ended, fileUrl=path)
        assert answer.status_code in {400, 404}, path
        if answer.status_code == 404:
            assert answer.json() == failed("FILE_NOT_FOUND", f"no file was uploaded to {path}")


def test_a_file_that_is_too_large_is_refused(door: Door, app: App, ended: str) -> None:
    """12: one that was uploaded as something else, and is larger than an import's may be."""
    path = door.story.upload(b"x" * (app.settings.upload_bytes_max + 1))
    found = refused(door, ended, {"fileUrl": path}, 413)
    assert found["details"]["applicationError"]["code"] == "FILE_TOO_LARGE"


@pytest.mark.parametrize("both", [True, False])
def test_a_file_or_corrections_and_not_both(door: Door, ended: str, both: bool) -> None:
    body: Json = {"fileUrl": None, "corrections": None}
    if both:
        body = {"fileUrl": door.story.upload(b"x"), "corrections": [{"line": 3, "points": 1}]}
    told = violation("fileUrl", "or corrections: one of them must be given, and not both", "OTHER")
    assert refused(door, ended, body) == invalid(told)


def test_corrections_of_lines_that_did_not_fail_are_named(door: Door, ended: str) -> None:
    for lines, named in (([2], "2"), ([3, 99, 1], "1, 99"), ([2**28 - 1], str(2**28 - 1))):
        found = refused(door, ended, {"corrections": [{"line": line, "points": 1} for line in lines]})
        told = f"the lines {named} did not fail, so there is nothing to correct"
        assert found == invalid(violation("corrections", told, "OTHER"))


def test_a_line_is_corrected_once(door: Door, ended: str) -> None:
    found = refused(door, ended, {"corrections": [{"line": 3, "points": 1}, {"line": 3, "points": 2}]})
    assert found == invalid(violation("corrections", "must name each line once", "OTHER"))


@pytest.mark.parametrize(
    ("corrections", "told"),
    [
        ([], violation("corrections", "has fewer items than 1", "MIN_SIZE", threshold=1)),
        (
            [{"line": line} for line in range(1, retries.CORRECTIONS_MAX + 2)],
            violation("corrections", "has more items than 1000", "MAX_SIZE", threshold=1000),
        ),
        ({}, violation("corrections", "must be an array", "FORMAT", type="array")),
        ("3", violation("corrections", "must be an array", "FORMAT", type="array")),
        ([3], violation("corrections[0]", "must be an object", "FORMAT", type="object")),
        ([{"points": 1}], violation("corrections[0].line", "is missing", "REQUIRED_FIELD")),
        ([{"line": 0}], violation("corrections[0].line", "must be at least 1", "MIN", threshold=1)),
        ([{"line": -1}], violation("corrections[0].line", "must be at least 1", "MIN", threshold=1)),
        ([{"line": "3"}], violation("corrections[0].line", "must be a whole number", "FORMAT", type="integer")),
        ([{"line": 3, "email": 5}], violation("corrections[0].email", "must be text", "FORMAT", type="text")),
        (
            [{"line": 3, "email": "x" * 321}],
            violation("corrections[0].email", "must have at most 320 characters", "MAX_LENGTH", threshold=320),
        ),
        (
            [{"line": 3, "email": "a\0b"}],
            violation("corrections[0].email", "must not hold NUL characters or lone surrogates", "FORMAT", type="text"),
        ),
        (
            [{"line": 3, "points": True}],
            violation("corrections[0].points", "must be a whole number or text", "FORMAT", type="text"),
        ),
        (
            [{"line": 3, "points": 1.5}],
            violation("corrections[0].points", "must be a whole number or text", "FORMAT", type="text"),
        ),
        (
            [{"line": 3, "points": []}],
            violation("corrections[0].points", "must be a whole number or text", "FORMAT", type="text"),
        ),
        (
            [{"line": 3, "points": "x" * 321}],
            violation("corrections[0].points", "must have at most 320 characters", "MAX_LENGTH", threshold=320),
        ),
        (
            [{"line": 3, "points": "1\0"}],
            violation(
                "corrections[0].points", "must not hold NUL characters or lone surrogates", "FORMAT", type="text"
            ),
        ),
    ],
)
def test_each_fault_of_corrections_is_named_where_it_is(door: Door, ended: str, corrections: Any, told: Json) -> None:
    assert refused(door, ended, {"corrections": corrections}) == invalid(told)


def test_points_that_are_no_points_fail_their_row(door: Door, ended: str) -> None:
    """A number of whatever size is a number, and what an account can hold is asked of the row."""
    made = door.done("retry", ended, corrections=[{"line": 3, "points": 10**40}, {"line": 5, "points": 3.0}])
    assert counts(door, made["id"]) == (1, 1)
    (row,) = csv.DictReader(io.StringIO(door.errors(made["id"])))
    assert (row["Points"], row["Error code"]) == (str(10**40), "POINTS_TOO_LARGE")


def test_the_name_of_a_file_is_text(door: Door, ended: str) -> None:
    path = door.story.upload(errors_of(door, ended).encode())
    for name in ("a\0b", "x" * (FILE_NAME_CHARACTERS_MAX + 1), 5):
        refused(door, ended, {"fileUrl": path, "fileName": name})


def test_an_import_that_has_not_ended_is_not_tried_again(door: Door, story: Story) -> None:
    """428 in every other status, and for a file that could not be read."""
    imports = {
        "INITIATED": story.create(CONTENT),
        "PARSING": begin_parsing(story, CONTENT),
        "PARSED": story.parse(CONTENT),
        "IMPORTING": story.execute(CONTENT, 1, 2),
        "FAILED": story.parse(b""),
    }
    path = story.upload(CONTENT)
    for status, made in imports.items():
        told = f"only an import that was executed and has ended can be tried again, and this one is {status}"
        body = failed("INVALID_IMPORT_STATUS", told, status=status)
        assert refused(door, made.id, {"fileUrl": path}, 428) == body
        assert refused(door, made.id, {"corrections": [{"line": 3}]}, 428) == body


def test_where_no_row_has_failed_there_is_nothing_to_try_again(door: Door) -> None:
    made = door.run(b"Email,Points\r\nada@example.com,1\r\n")["id"]
    assert refused(door, made, {"corrections": [{"line": 2}]}, 428) == failed(
        "NOTHING_TO_RETRY", "no row of this import has failed: there is nothing to try again"
    )


@pytest.mark.usefixtures("own_database")
def test_rows_that_are_kept_no_longer_are_not_tried_again(door: Door, story: Story, ended: str, clock: Clock) -> None:
    """12: 30 days."""
    clock.now += timedelta(days=31)
    steps.erase_expired(story.app)
    for body in ({"corrections": [{"line": 3, "points": 1}]}, {"fileUrl": story.upload(CONTENT)}):
        assert refused(door, ended, body, 428) == failed(
            "ROWS_ERASED", "the rows of this import are kept no longer: import them as a new file"
        )


def test_an_import_that_is_not_the_sites_is_not_found(door: Door, app: App, make_site: Callable[[str], Site]) -> None:
    """8 row 28: word for word as for an id that nothing has."""
    other = Story(app, make_site("Other Shop").id)
    theirs = other.run(CONTENT, 1, 2)
    mine = door.story.upload(f"\ufeff{other.error_file(theirs)}".encode())
    for wanted in (theirs.id, NOBODY):
        for body in ({"corrections": [{"line": 3, "points": 1}]}, {"fileUrl": mine}):
            with nothing_changed(other):
                found = refused(door, wanted, body, 404)
            assert found == failed("NOT_FOUND", f"loyalty import {wanted} not found")
