"""Which columns seem to be meant, from their headings (aliases of known systems, in nine languages).

Only a whole heading counts, compared without case, accents and punctuation: one that merely contains "email", like
"Accepts Email Marketing", is not the customer's address. Two candidates are no suggestion.
"""

import re
import unicodedata
from collections.abc import Sequence

from pointport.imports.shapes import Suggestion
from pointport.ledger.addresses import normal_form, trimmed

EMAIL_ALIASES = frozenset(
    """
    email|e mail|mail|emails|email address|e mail address|user email|users email|customer email|shopify customer email
    contact email|primary email|login email|partner email|partner id email
    e mail adresse|mailadresse|kunden e mail|adresse e mail|adresse electronique|courriel|mel
    direccion de correo electronico|correo electronico|correo|indirizzo e mail|posta elettronica
    e mailadres|e mail adres|mailadres|endereco de e mail|correio eletronico|adres email|adres e mail|poczta elektroniczna
    メールアドレス|メールアドレス1|pc版メールアドレス|eメール|電子メール|eメールアドレス
    """.strip()
    .replace("\n", "|")
    .replace("    ", "")
    .split("|")
)

POINTS_ALIASES = frozenset(
    """
    points|points balance|pointsbalance|points approved|currentbalance|current balance|loyalty balance|loyalty points
    loyalty card balance|reward points|balance|currently available|membership point|credits|stamp balance|active stamps
    available points|current points|point balance|remaining points|redeemable points|pts|balance points
    saldo|punkte|punktestand|punkteguthaben|punktesaldo|treuepunkte|bonuspunkte|aktuelle punkte|verfugbare punkte
    solde de points|solde points|points disponibles|points de fidelite
    puntos|balance actual de puntos|saldo actual de puntos|saldo de puntos|puntos disponibles
    punti|saldo punti|punti disponibili|punti fedelta
    punten|puntensaldo|spaarpunten|saldo punten|beschikbare punten
    pontos|saldo de pontos|pontos disponiveis|pontuacao
    punkty|saldo punktow|stan punktow|dostepne punkty
    ポイント|保有ポイント|現在ポイント|ポイント残高|利用可能ポイント|有効ポイント
    """.strip()
    .replace("\n", "|")
    .replace("    ", "")
    .split("|")
)

FIRST_NAME_ALIASES = frozenset(
    ("first name", "firstname", "vorname", "prenom", "nombre", "nome", "voornaam", "imie", "名")
)
LAST_NAME_ALIASES = frozenset(
    ("last name", "lastname", "nachname", "nom", "apellido", "cognome", "achternaam", "nazwisko", "姓")
)

UNIT = re.compile(r"[(\[\uff08].*[)\]\uff09]$")
PUNCTUATION = re.compile(r"[\s_\-./:]+")
LETTERS_WITHOUT_ACCENT = str.maketrans("łŁßøØ", "lLsoO")


def canonical(heading: str) -> str:
    """Return a heading as it is compared: no case, accents, punctuation, or unit in brackets."""
    folded = unicodedata.normalize("NFKC", trimmed(heading)).lower().translate(LETTERS_WITHOUT_ACCENT)
    plain = "".join(c for c in unicodedata.normalize("NFD", folded) if not _is_accent(c))
    whole = unicodedata.normalize("NFC", plain)
    return PUNCTUATION.sub(" ", UNIT.sub("", whole)).strip()


def _is_accent(character: str) -> bool:
    """A combining mark on a Latin letter; the marks of Japanese kana make another letter and stay."""
    return "\u0300" <= character <= "\u036f"


def columns_named(header: Sequence[str], aliases: frozenset[str]) -> list[int]:
    """Return the columns whose heading is one of the aliases."""
    return [index for index, heading in enumerate(header) if canonical(heading) in aliases]


def holds_address(cells: Sequence[str]) -> bool:
    """Tell whether a row has an e-mail address in it; then it is no heading."""
    return any("@" in cell and normal_form(cell) is not None for cell in cells)


def suggest(header: Sequence[str]) -> Suggestion:
    """Return the columns that the headings name without doubt, and say why."""
    email, email_why = _only(header, columns_named(header, EMAIL_ALIASES), "e-mail address")
    points, points_why = _only(header, columns_named(header, POINTS_ALIASES), "points")
    return Suggestion(email, points, f"{email_why} {points_why}")


def _only(header: Sequence[str], candidates: Sequence[int], what: str) -> tuple[int | None, str]:
    if len(candidates) == 1:
        return candidates[0], f'"{header[candidates[0]]}" names the {what}.'
    if candidates:
        named = " and ".join(f'"{header[index]}"' for index in candidates)
        return None, f"{named} may each be the {what}: choose one."
    return None, f"No heading names the {what}: choose the column."


def find(header: Sequence[str], wanted: str) -> int | None:
    """Return the column that a person means: its heading, else the only one spelled nearly so, else its number from 1."""
    if header.count(wanted) == 1:
        return header.index(wanted)
    near = columns_named(header, frozenset({canonical(wanted)}))
    if len(near) == 1:
        return near[0]
    if wanted in {str(number) for number in range(1, len(header) + 1)}:
        return int(wanted) - 1
    return None
