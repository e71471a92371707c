"""Numbers as people write them: read as they are meant, or not at all."""

# ruff: noqa: RUF001 (full-width characters are what is tried here)

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointport.imports.reading import numbers
from pointport.imports.reading.numbers import AMBIGUOUS, NOT_A_NUMBER, NOT_WHOLE, Unread, read, settle
from pointport.imports.shapes import NumberFormat

NOTHING_SHOWN = NumberFormat()


def read_in(text: str, *column: str) -> int | Unread:
    """What a cell says in a column of these other cells."""
    return read(text, settle([*column, text]))


# --- By itself ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("000", 0),
        ("1250", 1250),
        ("999999999", 999_999_999),
        ("+5", 5),
        ("-5", -5),
        ("\u22125", -5),
        ("\uff0d5", -5),
        ("\ufe635", -5),
        ("＋５", 5),
        ("-0", 0),
        ("+0", 0),
        ("１２３４", 1234),
        ("１，２３４，５６７", 1_234_567),
        # The zeros behind the sign that divides are no fraction.
        ("400.0", 400),
        ("400,00", 400),
        ("400.0000", 400),
        ("-400.0", -400),
        ("0.0", 0),
        # Both signs in one number.
        ("1,234.00", 1234),
        ("1.234,00", 1234),
        ("1,234,567.0", 1_234_567),
        ("1.234.567,00", 1_234_567),
        ("12,345.000", 12_345),
        # One sign twice groups.
        ("1,234,567", 1_234_567),
        ("1.234.567", 1_234_567),
        ("999.999.999", 999_999_999),
        # Blanks and apostrophes only ever group.
        ("1 234", 1234),
        ("1\u00a0234\u00a0567", 1_234_567),
        ("1\u202f234", 1234),
        ("1\u2009234", 1234),
        ("12\u3000345", 12_345),
        ("1'234", 1234),
        ("1\u2019234\u2019567", 1_234_567),
        ("1 234,0", 1234),
        ("1'234.00", 1234),
        # A zero is no group, so what stands behind it is a fraction.
        ("0.000", 0),
        ("0,000", 0),
    ],
)
def test_this_number_needs_no_column(text: str, number: int) -> None:
    assert read(text, NOTHING_SHOWN) == number


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("12.5", NOT_WHOLE),
        ("12,5", NOT_WHOLE),
        ("-0.5", NOT_WHOLE),
        ("1.2345", NOT_WHOLE),
        ("1234,567", NOT_WHOLE),
        ("0,125", NOT_WHOLE),
        ("1,234.5", NOT_WHOLE),
        ("1.234,567", NOT_WHOLE),
        ("1 234,5", NOT_WHOLE),
        *(
            (text, NOT_A_NUMBER)
            for text in (
                "",
                "abc",
                "5%",
                "%5",
                "5 %",
                "€5",
                "5 €",
                "$1,234",
                "USD 5",
                "5 points",
                "5pts",
                "1e3",
                "1E+3",
                "1.5e3",
                "0x10",
                "1_000",
                "Infinity",
                "NaN",
                "TRUE",
                "n/a",
                "-",
                "+",
                "--5",
                "+-5",
                "- 5",
                "5-",
                "(5)",
                ".5",
                "5.",
                "1,",
                "1,,2",
                "1..2",
                "1  234",
                "1 23",
                "1 2345",
                "12'34",
                "1,23,45",
                "123,45,678",
                "12,34.5",
                "1.234.56",
                "1,234,567,89",
                "1,234.567.890",
                "1.234,567,890",
                "1,234 567",
                "1 234'567",
                "0,123,456",
                "0 123",
                "1,2.3,4",
                "5²",
                "½",
                "①",
                "Ⅷ",
                "٣",
                "三",
                "1\u200b2",
                "1\n2",
                "5\n",
                "1\x002",
                "\ud800",
                "1/2",
                "1:2",
                "2024-01-02",
                "#REF!",
            )
        ),
    ],
)
def test_this_is_no_whole_number(text: str, problem: str) -> None:
    assert read(text, NOTHING_SHOWN) == Unread(problem)


@pytest.mark.parametrize(
    ("text", "grouped", "fraction"),
    [
        ("52,620", "52620", "52.620"),
        ("52.620", "52620", "52.620"),
        ("1,000", "1000", "1.000"),
        ("-1,234", "-1234", "-1.234"),
        ("+1,234", "1234", "1.234"),
        ("５２，６２０", "52620", "52.620"),
        ("012,345", "012345", "012.345"),
    ],
)
def test_one_sign_before_three_digits_is_ambiguous(text: str, grouped: str, fraction: str) -> None:
    assert read_in(text) == Unread(AMBIGUOUS, grouped, fraction)
    assert read_in(text, "7", "1250", text) == Unread(AMBIGUOUS, grouped, fraction)


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000, "1" + "0" * 30_000, "-" + "9" * 5000])
def test_too_many_digits_are_just_a_large_number(digits: str) -> None:
    began = time.process_time()
    number = read(digits, NOTHING_SHOWN)
    assert isinstance(number, int)
    assert abs(number) > 999_999_999
    assert len(str(number)) <= 20
    assert time.process_time() - began < 0.1


def test_zeros_in_front_make_no_number_large() -> None:
    assert read("0" * 5000 + "7", NOTHING_SHOWN) == 7


# --- By its column --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "group", "decimal", "evidence"),
    [
        ([], "", "", "plain digits"),
        (["1", "abc", "", "1250"], "", "", "plain digits"),
        (["52,620", "1.234"], "", "", "no number shows it"),
        (["1,234,567"], ",", "", '"1,234,567"'),
        (["7", "1.234.567"], ".", "", '"1.234.567"'),
        (["1,234.5"], ",", ".", '"1,234.5"'),
        (["1.234,50"], ".", ",", '"1.234,50"'),
        (["12,5"], "", ",", '"12,5"'),
        (["400.0"], "", ".", '"400.0"'),
        (["1 234"], " ", "", '"1 234"'),
        (["1\u00a0234", "1\u202f234"], " ", "", '"1\u00a0234"'),
        (["1\u2019234"], "'", "", '"1\u2019234"'),
        (["1,234,567", "12,5"], ",", ",", '"1,234,567"'),
        (["0,123"], "", ",", '"0,123"'),
        # Three digits behind a sign show nothing, whatever zeros stand in front.
        (["012,345"], "", "", "no number shows it"),
        # What is no number shows nothing.
        (["12,5 %", "€1,234,567"], "", "", "plain digits"),
        (["1,23,456"], ",", "", '"1,23,456"'),
        (["12,34,567.5"], ",", ".", '"12,34,567.5"'),
        (["1,23,45"], "", "", "no number shows it"),
    ],
)
def test_a_column_shows_how_its_numbers_are_written(column: list[str], group: str, decimal: str, evidence: str) -> None:
    found = settle(column)
    assert found == NumberFormat(frozenset(group), frozenset(decimal), evidence)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("52,620", ["1,234,567"], 52_620),
        ("52,620", ["1,234.5"], 52_620),
        ("52,620", ["12.5"], 52_620),
        ("52,620", ["400.0"], 52_620),
        ("52.620", ["1.234.567"], 52_620),
        ("52.620", ["12,5"], 52_620),
        ("-52,620", ["1,234,567"], -52_620),
        ("５２，６２０", ["1,234,567"], 52_620),
        ("52,620", ["12,5"], Unread(NOT_WHOLE)),
        ("52,620", ["1.234.567"], Unread(NOT_WHOLE)),
        ("52,000", ["12,5"], 52),
        ("52,000", ["1.234,5"], 52),
        # A blank or an apostrophe that groups tells nothing of point and comma.
        ("52,620", ["1 234"], Unread(AMBIGUOUS, "52620", "52.620")),
        ("52.620", ["1'234"], Unread(AMBIGUOUS, "52620", "52.620")),
        # Columns that contradict themselves explain nothing, but a number that shows itself is still read.
        ("52,620", ["1,234,567", "12,5"], Unread(AMBIGUOUS, "52620", "52.620")),
        ("52.620", ["1,234.5", "1.234,5"], Unread(AMBIGUOUS, "52620", "52.620")),
        ("1,234,567", ["12,5", "1.234.567"], 1_234_567),
        ("400.0", ["400,0"], 400),
    ],
)
def test_a_lone_sign_is_settled_by_the_column(text: str, column: list[str], expected: int | Unread) -> None:
    assert read_in(text, *column) == expected
    assert read(text, settle([text, *column])) == expected


# --- Any number, any text -------------------------------------------------------------------------------------------------

locales = st.sampled_from(
    [
        (",", "."),
        (".", ","),
        (" ", ","),
        ("\u00a0", ","),
        ("\u202f", ","),
        ("'", "."),
        ("\u2019", "."),
        ("", "."),
        ("", ","),
    ]
)
FULL_WIDTH = str.maketrans({chr(0x30 + digit): chr(0xFF10 + digit) for digit in range(10)})


def written(number: int, group: str, decimal: str, *, places: int = 0) -> str:
    text = f"{number:,}".replace(",", group)
    return text + (decimal + "0" * places if places else "")


@settings(deadline=None, max_examples=300)
@given(
    st.integers(0, 999_999_999), locales, st.integers(0, 4), st.sampled_from(["", "+", "-", "\u2212"]), st.booleans()
)
@example(52_620, (",", "."), 0, "", False)
@example(1_000, (".", ","), 3, "", False)
def test_a_number_of_any_locale_reads_back(
    number: int, locale: tuple[str, str], places: int, sign: str, full_width: bool
) -> None:
    group, decimal = locale
    text = sign + written(number, group, decimal, places=places)
    if full_width:
        text = text.translate(FULL_WIDTH)
    # One number of the column shows its signs by itself; with three places and no group they stay a riddle.
    shows_itself = "1234567" + decimal + "5" if group == "" else written(1_234_567, group, decimal) + decimal + "5"
    assert read_in(text, shows_itself) == (-number if sign in ("-", "\u2212") and sign else number)


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 999_999_999), locales, st.integers(1, 999_999))
def test_a_fraction_is_never_a_whole_number(number: int, locale: tuple[str, str], fraction: int) -> None:
    group, decimal = locale
    text = written(number, group, decimal) + decimal + str(fraction)
    assert read_in(text, "0" + decimal + "5") == Unread(NOT_WHOLE)


numeric = st.lists(
    st.sampled_from(
        [*"0123456789", "123", "000", ",", ".", " ", "'", "-", "+", "\u00a0", "\u2019", "\u2212", "５", "²"]
    ),
    max_size=12,
).map("".join)
any_text = st.one_of(numeric, st.text(), st.text(st.characters(categories=["N", "P", "Z", "S", "Cs", "Cc"])))


@settings(deadline=None, max_examples=200)
@given(st.lists(any_text | st.just("7") | st.just("Ann"), max_size=8), st.integers(1, 4))
def test_a_run_of_cells_shows_what_its_cells_do(column: list[str], run: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "RUN_CELLS", run)
        found = settle(column)
        patch.setattr(numbers, "_may_have_signs", lambda _: True)
        assert settle(column) == found


@settings(deadline=None, max_examples=500)
@given(any_text, st.lists(any_text, max_size=4))
def test_any_text_is_a_number_or_says_why_not(text: str, column: list[str]) -> None:
    found = read(text, settle(column))
    if isinstance(found, Unread):
        assert found.problem in {NOT_A_NUMBER, AMBIGUOUS, NOT_WHOLE}
        assert bool(found.grouped) == bool(found.fraction) == (found.problem == AMBIGUOUS)
    else:
        # Nothing is invented: the number's digits stand in the text in this order.
        digits = re.sub(r"\D", "", text.translate({0xFF10 + digit: 0x30 + digit for digit in range(10)}))
        assert str(abs(found))[:18] in digits or found == 0
