"""Which of the old encodings a text is in, told by its words.

Each byte above 127 means another letter in each encoding, and nearly every reading is possible. But people's words are
not: a word has one script, a letter of Polish stands beside letters of Polish, no currency sign stands inside a word,
and no capital follows a small letter. So a text is read in each encoding, and the reading whose words most look like
words is right. Ties go to the encoding that is met most (the order of `READINGS`).
"""

# ruff: noqa: RUF001 (what looks like another character is the point)

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache

WESTERN = (
    "äöüß",  # German
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíñóúü",  # Spanish
    "àèéìíîòóùú",  # Italian
    "áâãàçéêíóôõúü",  # Portuguese
    "áéëïíóöúü",  # Dutch
    "åäöé",  # Swedish, Finnish
    "æøåéóò",  # Danish, Norwegian
    "áðéíóúýþæö",  # Icelandic
    "àçéèíïóòúü·",  # Catalan
    "äöõüšž",  # Estonian
)
CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíľňóôšťúýž",  # Slovak, without two letters that few words have
    "áéíóöőúüű",  # Hungarian
    "čćđšž",  # Croatian, Serbian, Bosnian, Slovene
    "ăâîșțşţ",  # Romanian
    "äöüß",  # German
)
CYRILLIC = (
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",  # Russian, Bulgarian
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",  # Ukrainian
    "абвгдђежзијклљмнњопрстћуфхцчџш",  # Serbian
    "абвгдеёжзійклмнопрстуўфхцчшыьэюя",  # Belarusian
    "абвгдѓежзѕијклљмнњопрстќуфхцчџш",  # Macedonian
)

Look = Callable[[Sequence[str]], float]
"""How much words look like words."""

SAMPLE_WORDS_MAX = 2_000
WORD_BYTES_MAX = 64
"""As much is looked at of one word. What is longer is text without blanks, or no text, and would fill the memory."""
CHARACTER_BYTES_MAX = 4
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
WORDS = re.compile(rb"[^\x00-\x20\x21-\x26\x28-\x2c\x2e-\x3f\x5b\x5d\x5e\x7b\x7d]*[\x80-\xff][^\x00-\x2c\x3a-\x3f]*")
"""Runs of bytes that may be one word: they hold a byte above 127, and no blank, delimiter or quote."""

JOINTS = re.compile(r"[-'._/&+@|`~\\]")

LETTERS_MIN = 3
"""Letters that make a word; fewer may be chance."""

COMMON_SHARE_MIN, COMMON_SHARE_LIKELY = 0.5, 0.8

IMPOSSIBLE, ODD, POSSIBLE, LIKELY, CERTAIN = -4.0, -2.0, 0.0, 1.0, 2.0
"""How much a word looks like one."""


def guess(text: bytes) -> str:
    """Return the encoding in which the words of a text most look like words."""
    words = _words(text)
    scores = {name: _score(words, name, look) + HEAD_START.get(name, 0) for name, look in READINGS.items()}
    return max(scores, key=lambda name: scores[name])


def _words(text: bytes) -> list[bytes]:
    """Return different words with bytes above 127 in them, enough to tell by."""
    found: dict[bytes, None] = {}
    for match in WORDS.finditer(text):
        start = BEYOND_ASCII.search(match[0])
        begun = max(0, start.start() - WORD_BYTES_MAX // 2) if start else 0
        found[match[0][begun : begun + WORD_BYTES_MAX]] = None
        if len(found) >= SAMPLE_WORDS_MAX:
            break
    return list(found)


def _score(words: Sequence[bytes], encoding: str, look: Look) -> float:
    read: list[str] = []
    for word in words:
        with suppress(UnicodeDecodeError):
            read.append(_decoded(word, encoding))
    return look(read) + IMPOSSIBLE * (len(words) - len(read))


def _decoded(word: bytes, encoding: str) -> str:
    """Decode a word; where it was cut in the middle of a character, that character is left out."""
    try:
        return word.decode(encoding)
    except UnicodeDecodeError as error:
        if len(word) < WORD_BYTES_MAX or error.start < len(word) - CHARACTER_BYTES_MAX + 1:
            raise
        return word[: error.start].decode(encoding)


def _look_of_letters(alphabets: tuple[str, ...]) -> Look:
    """Return how words are judged that are written in one of these alphabets, best all of them in the same."""
    whole = [frozenset(alphabet + alphabet.upper()) for alphabet in alphabets]
    common = frozenset().union(*whole)

    def look(words: Sequence[str]) -> float:
        score, explained = POSSIBLE, [0] * len(whole)
        for word, found in _strange_runs(words):
            score += _look_of_signs(word)
            run = "".join(character for character in word if _is_letter(character) or character.isascii())
            strange = [character for character in found if _is_letter(character)]
            if not strange:
                continue
            if _case_is_odd(run) or BESIDE_DIGIT.search(run):
                score += ODD
                continue
            fits = [alphabet.issuperset(strange) for alphabet in whole]
            is_word = len(run) >= LETTERS_MIN
            if is_word:
                explained = [count + fit for count, fit in zip(explained, fits, strict=True)]
            if not any(fits):
                score += ODD / 2 if common.issuperset(strange) else ODD
            elif is_word:
                score += LIKELY
        return score + max(explained) / 2

    return look


def _is_letter(character: str) -> bool:
    return character.isalpha() and character not in ORDINALS


def _look_of_signs(word: str) -> float:
    """Judge the signs in a word that are no letters: where they are put in writing, they tell as much as letters."""
    beside = zip(f" {word}", word, f"{word[1:]} ", strict=False)
    return sum(
        _look_of_sign(before, sign, after)
        for before, sign, after in beside
        if not sign.isascii() and not _is_letter(sign)
    )


def _look_of_sign(before: str, sign: str, after: str) -> float:
    if unicodedata.category(sign) == "Cc":
        return IMPOSSIBLE
    between = before.isalpha() and after.isalpha()
    behind = (before.isalnum() or before == ".") and not after.isalpha()
    if (sign in APOSTROPHES and between) or (sign in ORDINALS and behind):
        return LIKELY
    opens = sign in OPENING and not before.isalnum() and after.isalnum()
    closes = sign in CLOSING and before != " " and not after.isalnum()
    if opens or closes:
        return LIKELY / 2
    if sign in MET_INSIDE or (sign in MET_BEFORE and not before.isalpha()):
        return POSSIBLE
    if before.isalpha() or after.isalpha():
        return ODD
    return POSSIBLE if sign in MET else ODD / 2


def _look_of_cyrillic(words: Sequence[str]) -> float:
    score = POSSIBLE
    for run, strange in _strange_runs(words):
        score += _look_of_signs(run)
        letters = [character for character in run if _is_letter(character)]
        if not any(_is_letter(character) for character in strange):
            continue
        if any(character.isascii() for character in letters) or _case_is_odd(run):
            score += ODD
        elif any(alphabet.issuperset(letters) for alphabet in CYRILLIC_LETTERS):
            # Of single letters every language has some; a word of them is Cyrillic and nothing else.
            score += CERTAIN if len(letters) >= LETTERS_MIN and all(map(_is_letter, strange)) else POSSIBLE
        else:
            score += ODD
    return score


def _look_of_japanese(words: Sequence[str]) -> float:
    return sum(_look_of_characters(word, "euc_jp", JIS_FIRST_LEVEL, with_kana=True) for word in words)


def _look_of_chinese(words: Sequence[str]) -> float:
    return sum(_look_of_characters(word, "gb2312", GB_FIRST_LEVEL, with_kana=False) for word in words)


def _look_of_characters(text: str, table: str, first_level: range, *, with_kana: bool) -> float:
    """Judge by how many of the characters are those of everyday use, which each country's table lists first."""
    strange = [character for character in text if not character.isascii()]
    if any("\uff61" <= character <= "\uff9f" for character in strange):
        # Half-width kana come in runs; a single one is a letter of another encoding.
        return LIKELY if len(strange) >= LETTERS_MIN and not any(c.isascii() and c.isalpha() for c in text) else ODD
    common = sum(
        _is_common(character, table, first_level) or (with_kana and _is_kana(character)) for character in strange
    )
    share = common / len(strange)
    beside_letters = any(c.isascii() and c.isalpha() for c in text)
    if share < COMMON_SHARE_MIN:
        return ODD
    if beside_letters and len(strange) == 1:
        return ODD
    return (CERTAIN if share > COMMON_SHARE_LIKELY else POSSIBLE) / (2 if len(strange) == 1 else 1)


@cache
def _is_common(character: str, table: str, first_level: range) -> bool:
    try:
        code = character.encode(table)
    except UnicodeEncodeError:
        return False
    return code[0] in first_level


def _is_kana(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff"


def _strange_runs(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Split what hyphens, apostrophes and the like join, and return what is not ASCII, with its characters beyond it."""
    for word in words:
        for run in JOINTS.split(word):
            if not run.isascii():
                yield run, [character for character in run if not character.isascii()]


def _case_is_odd(word: str) -> bool:
    """Tell whether a capital that is not ASCII stands inside a word of small letters, or a small one among capitals."""
    letters = [character for character in word if character.isalpha()]
    if not any(map(str.isupper, letters[1:])) or not any(map(str.islower, letters)):
        return False
    pairs = enumerate(itertools.pairwise(letters))
    return any(
        (not after.isascii() and (after.isupper() or (before.isupper() and after.islower() and index > 0)))
        or (not before.isascii() and before.islower() and after.isupper())
        for index, (before, after) in pairs
    )


APOSTROPHES = frozenset("’‘")
ORDINALS = frozenset("ªº")
OPENING, CLOSING = frozenset("“„«‹‘"), frozenset("”“»›’…")
BESIDE_DIGIT = re.compile(r"\d[^\W\d_\x00-\x7f]|[^\W\d_\x00-\x7f]\d")
"""A letter that no number is written with."""
MET_INSIDE = frozenset("’‘´·\u00ad\u00a0ªº°")
MET_BEFORE = frozenset("“„‚«»¿¡–—…€£§©®™•")
MET = MET_INSIDE | MET_BEFORE | frozenset("”½¼¾±²³×÷¢¥†‰‹›")
CYRILLIC_LETTERS = [frozenset(alphabet + alphabet.upper()) for alphabet in CYRILLIC]
JIS_FIRST_LEVEL = range(0xA1, 0xD0)
"""Rows of EUC-JP with signs, kana and the kanji of everyday use."""
GB_FIRST_LEVEL = range(0xB0, 0xD8)
"""Rows of GB 2312 with the characters of everyday use."""

HEAD_START = {"windows-1252": LIKELY / 4}
"""Most files in an old encoding are in this one."""

READINGS: Mapping[str, Look] = {
    "windows-1252": _look_of_letters(WESTERN),
    "iso-8859-15": _look_of_letters(WESTERN),
    "cp932": _look_of_japanese,
    "windows-1250": _look_of_letters(CENTRAL),
    "windows-1251": _look_of_cyrillic,
    "gb18030": _look_of_chinese,
    "cp850": _look_of_letters(WESTERN),
    "mac-roman": _look_of_letters(WESTERN),
}
