"""What single headings mean, in nine languages: e-mail address, points, name, or something that only looks like points.

An alias is a whole heading, compared without case, accents and punctuation: one that merely contains "email", like
"Accepts Email Marketing", is not the customer's address. The English ones were seen in the files of other systems
(`systems.toml` has the sources) or are normal wording, as those of the other languages are. Words that say what a
heading is not may stand anywhere in it. `columns.py` weighs all this against the cells.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from pointport.ledger.addresses import normal_form, trimmed


def _phrases(text: str) -> frozenset[str]:
    """Return phrases in the spelling of `canonical`, written with | and line ends between them."""
    return frozenset(phrase.strip() for line in text.splitlines() for phrase in line.split("|") if phrase.strip())


def _any_of(text: str) -> re.Pattern[str]:
    """Return a pattern that finds one of these phrases as whole words; Japanese, which has no blanks, anywhere."""
    phrases = sorted(_phrases(text))
    words = "|".join(re.escape(phrase) for phrase in phrases if phrase.isascii())
    anywhere = [re.escape(phrase) for phrase in phrases if not phrase.isascii()]
    return re.compile("|".join([rf"(?<!\S)(?:{words})(?!\S)", *anywhere]))


# --- E-mail addresses -------------------------------------------------------------------------------------------------

EMAIL_ALIASES = _phrases("""
    email|e mail|mail|emails|e mails|email address|e mail address|mail address|emailaddress|email addresses|email id
    user email|users email|useremail|customer email|customer e mail|customeremail|customer email address
    shopify customer email|member email|contact email|primary email|login email|partner email|partner id email
    e mail adresse|e mailadresse|email adresse|emailadresse|mail adresse|mailadresse|kunden e mail|kunden email
    kundenmail|e mail kunde
    adresse e mail|adresse email|adresse mail|adresse electronique|adresse de courriel|courriel|mel|e mail client
    email client
    direccion de correo electronico|direccion de correo|direccion de email|direccion email|correo electronico|correo
    e mail del cliente|email del cliente
    indirizzo e mail|indirizzo email|indirizzo mail|indirizzo di posta elettronica|posta elettronica|e mail cliente
    email cliente
    e mailadres|e mail adres|emailadres|email adres|mailadres|e mail klant|email klant
    endereco de e mail|endereco de email|endereco eletronico|correio eletronico|e mail do cliente|email do cliente
    adres email|adres e mail|adres mailowy|poczta elektroniczna|e mail klienta|email klienta
    メールアドレス|メールアドレス1|pc版メールアドレス|会員メールアドレス|お客様メールアドレス|eメール|電子メール|メール
    eメールアドレス|電子メールアドレス|e mailアドレス|emailアドレス
""")

ADDRESS_ID_ALIASES = _phrases("""
    source id|customer source id|profileintegrationid|profile integration id|customerprofileid|customer profile id
    identification|identifier|identityvalue|identity value
""")
"""Ids that some systems fill with addresses: columns of addresses only when their cells are."""

ANOTHER_ADDRESS = _any_of("""
    old|oldemail|oldemailaddress|previous|former|referrer|referred|referral|staff|employee|cashier|manager|sender|shop|store
    alte|bisherige|empfohlen|mitarbeiter|ancien|ancienne|parrain|vendeur|antiguo|anterior|vecchio|vecchia|oude|vorige
    medewerker|antigo|antiga|stary|旧|紹介者|店舗|担当者
""")
"""Words of headings whose addresses are not the customer's, or no longer."""

# --- Points -----------------------------------------------------------------------------------------------------------

POINTS_ALIASES = _phrases("""
    points|points balance|pointsbalance|points approved|pointsapproved|approved points|currentbalance|current balance
    loyalty balance|loyalty points|loyaltypoints|loyalty points balance|loyalty point balance|loyalty card balance
    reward points|rewardpoints|reward points balance|rewards points|rewards balance|balance|currently available
    membership point|membership points|credits|stamp balance|active stamps|available points|points available
    total available points|current points|current points balance|current point balance|point balance|remaining points
    points remaining|pointsremaining|pointsremaing|points left|redeemable points|spendable points|number of points|pts
    balance points|rewards points balance
    saldo|punkte|punktestand|aktueller punktestand|punkteguthaben|aktuelles punkteguthaben|punktesaldo|punkte saldo
    treuepunkte|bonuspunkte|aktuelle punkte|punkte aktuell|verfugbare punkte|punkte verfugbar|anzahl punkte|kundenpunkte
    solde de points|solde points|solde des points|solde actuel de points|points disponibles|points de fidelite
    points fidelite|solde de points de fidelite|nombre de points|points actuels|points restants
    puntos|balance actual de puntos|balance de puntos|saldo actual de puntos|saldo de puntos|saldo puntos
    puntos disponibles|puntos actuales|puntos restantes|puntos de fidelidad|numero de puntos
    punti|saldo punti|saldo punti fedelta|punti disponibili|punti fedelta|punti attuali|punti residui|numero punti
    punten|puntensaldo|spaarpunten|saldo punten|puntentegoed|beschikbare punten|huidige punten|aantal punten
    resterende punten|loyaliteitspunten
    pontos|saldo de pontos|saldo pontos|pontos disponiveis|pontuacao|pontos atuais|pontos restantes|pontos de fidelidade
    punkty|saldo punktow|stan punktow|dostepne punkty|aktualne punkty|liczba punktow|punkty lojalnosciowe
    ポイント|保有ポイント|所持ポイント|現在ポイント|現在のポイント|ポイント残高|残高ポイント|残ポイント|ポイント数
    現在ポイント数|保有ポイント数|会員ポイント|利用可能ポイント|利用可能なポイント|有効ポイント
""")

MAY_BE_MONEY = _phrases("balance|current balance|currentbalance|loyalty balance|credits|saldo|rewards balance")
"""Points aliases that name no points; an amount with cents under one of them is money."""

STANDING = re.compile("balance|saldo|solde|stand|stan |残高|残")
"""Words for what is left after a movement."""

LookAlike = Literal["spent", "pending", "lifetime", "expired", "money", "addition", "rate"]

LOOK_ALIKES: Mapping[LookAlike, frozenset[str]] = MappingProxyType(
    {
        "rate": _phrases("rate of conversion|points program conversion rate|conversion rate"),
        "expired": _phrases("expiredbalance|expired balance|points expires"),
        "pending": _phrases("""
            pendingbalance|pending balance|not yet available|escrow|escrowpointsbalance|locked|locked points
        """),
        "spent": _phrases("""
            points spent|pointsspent|redeemed points|spentbalance|spent balance|amount used|total used|completed stamps
        """),
        "lifetime": _phrases("""
            points lifetime|lifetime points|points total|total points|stamps|initial points|original points
            gesamtpunkte|puntos acumulados|puntentotaal
        """),
        "addition": _phrases("""
            add points|points amount|pointsamount|pointsvalue|points value|creds|points earned|pointsearned|point
        """),
    }
)
"""Headings that were seen, or are normal wording, and look like the balance without being it; the balances in money are
in `MONEY`."""

MONEY = _any_of("""
    store credit|store credits|storecredit|credits balance|credit balance|credits amount|store credit balance|gift balance
    gift card|gift card balance|cash balance|cash|wallet|e wallet|money|loyalty dollars|voucher value
    guthaben|kundenguthaben|cagnotte|avoir|credit boutique|credito|credito tienda|saldo en tienda|credito negozio
    tegoed|winkeltegoed|cadeaubon|credito da loja|bonusy|srodki
    電子マネー|現金残高|プリペイド
""")

QUALIFIERS: Mapping[LookAlike, re.Pattern[str]] = MappingProxyType(
    {
        "expired": _any_of("""
            expired|lapsed|verfallen|verfallene|abgelaufen|abgelaufene|expires|perdus|caducados|vencidos|expirados|scaduti
            verlopen|vervallen|wygasle|przeterminowane|失効|期限切れ
        """),
        "pending": _any_of("""
            pending|locked|blocked|unconfirmed|unavailable|upcoming|escrow|ausstehend|ausstehende|vorgemerkt|vorgemerkte|offene
            gesperrt|gesperrte|en attente|bloques|pendientes|bloqueados|in attesa|in sospeso|bloccati|openstaand
            openstaande|in afwachting|geblokkeerde|pendentes|oczekujace|zablokowane|仮|保留|付与予定|未確定
        """),
        "spent": _any_of("""
            spent|redeemed|used|burned|eingelost|eingeloste|ausgegeben|ausgegebene|verbraucht|verbrauchte|utilises
            depenses|echanges|canjeados|gastados|usados|utilizados|redimidos|usati|spesi|riscattati|utilizzati|gebruikt
            gebruikte|ingewisseld|ingewisselde|besteed|bestede|resgatados|gastos|wykorzystane|wydane|zrealizowane
            使用済|使用済み|利用済|利用済み|使用ポイント|利用ポイント|交換済
        """),
        "lifetime": _any_of("""
            lifetime|total|all time|ever|accumulated|collected|cumulated|historic|initial|original|gesamt|insgesamt
            gesammelt|gesammelte|cumules|totaux|total des|acumulados|totales|accumulati|totali|totaal|verzameld
            verzamelde|totais|acumulado|laczne|lacznie|suma|zebrane|累計|累積|合計|通算
        """),
        "addition": _any_of("""
            add|added|to add|adjustment|change|earned|delta|gutschrift|hinzufugen|anderung|ajout|gagnes|ajustement|anadir
            ganados|ajuste|guadagnati|aggiungere|toevoegen|verdiend|verdiende|adicionar|ganhos|zdobyte|dodaj|付与|加算|獲得
        """),
    }
)
"""What makes a heading that speaks of points speak of other points than the balance."""

SPEAKS_OF_POINTS = re.compile(
    r"(?<![a-z])points?(?![a-z])|punkt|punten|(?<![a-z])punt[io]s?(?![a-z])|pontos|ポイント|(?:stamps?|pts)(?![a-z])"
)

SOMETHING_ELSE = _any_of("""
    id|ids|#|no|nr|number|code|key|barcode|sku|vat|customerid|userid|memberid|orderid|ref|reference|card|account
    phone|telephone|tel|mobile|cell|sms|fax|zip|zipcode|zip code|postcode|postal|postal code|year|month|day|date|age
    birthday|birthdate|dob|orders|order|purchases|visits|visit|count|quantity|qty|tier|level|rank|rating|referrals|spend
    spent|amount|price|value|revenue|sales|turnover|discount|percent|rate|factor|status|total|year to date|lifetime
    nummer|kundennummer|mitgliedsnummer|kartennummer|telefon|handy|mobil|plz|postleitzahl|jahr|alter|geburtstag
    geburtsdatum|bestellungen|kaufe|besuche|anzahl|umsatz|betrag|preis|stufe|wert|rabatt|gesamt
    numero|telephone portable|portable|code postal|cp|annee|date de naissance|commandes|achats|visites|montant|prix
    niveau|telefono|movil|celular|codigo|codigo postal|ano|edad|pedidos|compras|visitas|cantidad|importe|precio|nivel
    cellulare|cap|codice|anno|eta|ordini|acquisti|visite|quantita|importo|prezzo|livello|fatturato
    klantnummer|telefoon|mobiel|jaar|leeftijd|bestellingen|aankopen|bezoeken|aantal|bedrag|prijs|niveau|omzet
    telefone|celular|cep|idade|quantidade|valor|preco|numer|kod|kod pocztowy|rok|wiek|zamowienia|wizyty|ilosc|kwota|cena
    番号|電話|郵便|年|月|日|回数|件数|金額|数量|コード|ランク|生
""")
"""Words of headings whose numbers are no points."""

MOVEMENT = _any_of("""
    transaction|transactions|transactionid|transactiontype|transfer|transferid|order id|orderid|reason|explanation|action
    log entry|applied at|buchung|buchungsdatum|grund|anlass|transaktion|motif|raison|motivo|causale|transaccion
    transazione|reden|transactie|transacao|powod|transakcja|理由|取引|履歴
""")
DATES = _phrases("date|datum|fecha|data|日付|日時|発生日|付与日")
"""Headings that stand beside movements of points: the words, or a date that is not said to be a customer's birthday."""

# --- Names ------------------------------------------------------------------------------------------------------------

FIRST_NAME_ALIASES = _phrases("first|first name|firstname|given name|vorname|prenom|nombre|nome|voornaam|imie|名")
LAST_NAME_ALIASES = _phrases("""
    last|last name|lastname|surname|family name|nachname|nom|apellido|cognome|achternaam|nazwisko|姓
""")

UNIT = re.compile(r"[(\[\uff08].*[)\]\uff09]$")
BRACKETS = re.compile(r"[()\[\]\uff08\uff09]")
CURRENCY = re.compile(
    r"[€$£¥]|\b(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?|jpy|yen|pln|zl|zloty|sek|nok|dkk|czk|huf|brl|reais|mxn|cad"
    r"|aud|inr|cny|rub)\b|円"
)
"""Money, by its name or sign."""
CURRENCY_COLUMNS = _phrases("currency|currency code|wahrung|devise|moneda|divisa|valuta|moeda|waluta|通貨")
"""Headings of columns that say which money the others are in."""
PUNCTUATION = re.compile(r"[\s_\-./:]+")
LETTERS_WITHOUT_ACCENT = str.maketrans("łŁßøØ", "lLsoO")


def canonical(heading: str) -> str:
    """Return a heading as it is compared: no case, accents, punctuation, or unit in brackets.

    What stands in brackets and changes the meaning, as in "Points (spent)" and "Balance (EUR)", stays.
    """
    whole = _folded(heading)
    unit = UNIT.search(whole)
    kept = whole if unit is None or _changes_the_meaning(unit[0]) else whole[: unit.start()]
    return PUNCTUATION.sub(" ", BRACKETS.sub(" ", kept)).strip()


def _changes_the_meaning(unit: str) -> bool:
    words = PUNCTUATION.sub(" ", BRACKETS.sub(" ", unit)).strip()
    return bool(CURRENCY.search(unit) or MONEY.search(words) or any(one.search(words) for one in QUALIFIERS.values()))


def _folded(heading: str) -> str:
    folded = unicodedata.normalize("NFKC", trimmed(heading)).lower().translate(LETTERS_WITHOUT_ACCENT)
    plain = "".join(c for c in unicodedata.normalize("NFD", folded) if not _is_accent(c))
    return unicodedata.normalize("NFC", plain)


def _is_accent(character: str) -> bool:
    """A combining mark on a Latin letter; the marks of Japanese kana make another letter and stay."""
    return "\u0300" <= character <= "\u036f"


def columns_named(header: Sequence[str], aliases: frozenset[str]) -> list[int]:
    """Return the columns whose heading is one of the aliases."""
    return [index for index, heading in enumerate(header) if canonical(heading) in aliases]


def holds_address(cells: Sequence[str]) -> bool:
    """Tell whether a row has an e-mail address in it; then it is no heading."""
    return any("@" in cell and normal_form(cell) is not None for cell in cells)


def look_alike(heading: str) -> LookAlike | None:
    """Tell what a heading means that looks like the balance of points and is not."""
    name = canonical(heading)
    if name in POINTS_ALIASES:
        return None
    seen = next((kind for kind, names in LOOK_ALIKES.items() if name in names), None)
    if seen or MONEY.search(name) or (CURRENCY.search(name) and name not in POINTS_ALIASES):
        return seen or "money"
    if not SPEAKS_OF_POINTS.search(name):
        return None
    return next((kind for kind, words in QUALIFIERS.items() if words.search(name)), None)


def is_of_movements(heading: str) -> bool:
    """Tell whether a heading stands beside movements of points, row by row, rather than beside a customer's balance."""
    name = canonical(heading)
    return name in DATES or MOVEMENT.search(name) is not None


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
