"""Every letter is known in both its cases, whatever a database knows."""

import sys
from itertools import chain

import pytest

from pointport.plumbing.queries.letters import LETTERS, twins

ASCII_IN_DISGUISE = "\u017f\u212a"
"""The long s and the kelvin sign."""
EVERY = "".join(map(chr, chain(range(0x80, 0xD800), range(0xE000, sys.maxunicode + 1))))


def folded(text: str) -> str:
    """What `translate` makes of a text in which the text itself is sought."""
    return text.translate(table(text))


def table(text: str) -> dict[int, int]:
    """What is put in the place of what."""
    found = twins(text)
    return str.maketrans("".join(found), "".join(found.values()))


def test_no_letter_with_two_cases_lies_elsewhere() -> None:
    cased = [letter for letter in EVERY if letter.lower() != letter or letter.upper() != letter]
    assert max(map(ord, cased)) < LETTERS.stop


def test_a_letter_is_found_by_its_other_case_and_by_no_other_letter() -> None:
    one_of_all = table(EVERY)
    by_fold: dict[str, set[str]] = {}
    for letter in EVERY:
        by_fold.setdefault(letter.casefold(), set()).add(letter.translate(one_of_all))
    assert all(len(found) == 1 for found in by_fold.values())
    assert len(set(chain.from_iterable(by_fold.values()))) == len(by_fold)
    for letter in EVERY:
        for other in (letter.lower(), letter.upper()):
            if len(other) == 1 and other.casefold() == letter.casefold() and letter not in ASCII_IN_DISGUISE:
                assert other.translate(one_of_all) == letter.translate(one_of_all)


@pytest.mark.parametrize("text", ["", "Ada Lovelace", "50%_\\", "日本", "\u2028", ASCII_IN_DISGUISE])
def test_a_text_without_such_letters_needs_nothing(text: str) -> None:
    assert twins(text) == {}


def test_what_is_sought_is_brought_to_the_same_case() -> None:
    assert folded("ÅNGSTRÖM") == folded("åNGSTRöM") == "ÅNGSTRÖM"
    assert twins("äÄ") == {"ä": "Ä"}
