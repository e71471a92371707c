"""Which letters differ in case alone, as we know it and not as a database does.

What a database takes for the other case of a letter depends on its locale, on its version and on how it was built: made
with --locale=C, as the embedded one is, it knows those of A to Z only; the collations that know more are PostgreSQL's own
from 17 on, the ICU library's where it was built with it, the machine's elsewhere, and none of them is everywhere. So a
database is asked for A to Z alone, which it knows under the collation "C" wherever it runs, and every other letter is
brought to one case by `translate`, in the column as in what is looked for.
"""

from collections.abc import Mapping
from functools import cache

LETTERS = range(0x80, 0x20000)
"""Where letters with two cases lie, those of ASCII aside."""


def twins(text: str) -> dict[str, str]:
    """Return the letters that differ in case alone from one in the text, each with the one that stands for all of them.

    Those of ASCII are no matter here, and so neither are the two signs of Unicode that are one of them in disguise: the
    kelvin sign and the long s.
    """
    folds = {letter.casefold() for letter in text if not letter.isascii()}
    return {letter: alike[0] for fold in sorted(folds) for alike in (_alike().get(fold, ""),) for letter in alike[1:]}


@cache
def _alike() -> Mapping[str, str]:
    """Return, by what they fold to, the letters that fold to the same."""
    found: dict[str, str] = {}
    for letter in map(chr, LETTERS):
        fold = letter.casefold()
        found[fold] = found.get(fold, "") + letter
    return {fold: letters for fold, letters in found.items() if len(letters) > 1}
