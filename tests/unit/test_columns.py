"""Which columns are suggested, why, and what a merchant is warned of: the files of other systems, headings, cells.

The headings are those of documented files (`systems.toml` has the sources); all rows are invented.
"""

# ruff: noqa: RUF001 (full-width characters are what is tried here)

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointport.imports.reading import columns, headings, systems
from pointport.imports.reading.systems import KnownFile
from pointport.imports.shapes import Suggestion

ANN, BEN, CAT = "ann@example.com", "ben@example.com", "cat@example.com"
NO_EMAIL, NO_POINTS = "NO_EMAIL_COLUMN", "NO_POINTS_COLUMN"


def suggest(header: str | Sequence[str], *rows: Sequence[str]) -> Suggestion:
    return columns.suggest(header.split(",") if isinstance(header, str) else header, rows, heading_line=1)


def names(header: str, *rows: Sequence[str]) -> tuple[str | None, str | None]:
    """The headings of the suggested columns."""
    suggestion, found = suggest(header, *rows), header.split(",")
    return (
        None if suggestion.email is None else found[suggestion.email],
        None if suggestion.points is None else found[suggestion.points],
    )


def codes(suggestion: Suggestion) -> set[str]:
    return {notice.code for notice in suggestion.notices}


def message(suggestion: Suggestion, code: str) -> str:
    [found] = [notice.message for notice in suggestion.notices if notice.code == code]
    return found


# --- Files of other systems -----------------------------------------------------------------------------------------------


def titles(known: KnownFile) -> str:
    return f"{known.system}, {known.file}"


every_known_file = pytest.mark.parametrize("known", systems.known_files(), ids=titles)


@every_known_file
def test_a_documented_heading_row_is_known_by_its_entry(known: KnownFile) -> None:
    assert systems.recognise(known.headings) is known
    assert systems.recognise([f" {heading.upper()} " for heading in known.headings]) is known
    assert systems.recognise([*known.headings, ""]) is known
    assert systems.recognise([*known.headings, "", " "]) is known


@every_known_file
def test_a_documented_file_gets_the_columns_that_its_entry_names(known: KnownFile) -> None:
    row = [ANN if name in known.email else "120" if name in known.points else "x" for name in known.headings]
    suggestion = suggest(known.headings, row)
    assert suggestion.system == known.system
    assert suggestion.email == (known.headings.index(known.email[0]) if known.email else None)
    assert suggestion.points == (known.headings.index(known.points[0]) if known.points else None)
    assert (NO_EMAIL in codes(suggestion)) == (not known.email)
    assert (NO_POINTS in codes(suggestion)) == (not known.points)
    told = {"ledger": "LEDGER", "parts": "LEDGER", "additions": "DELTAS", "money": "MONEY_NOT_POINTS"}.get(known.kind)
    assert told is None or told in codes(suggestion)


@every_known_file
def test_an_entry_is_complete_and_its_note_reaches_the_merchant(known: KnownFile) -> None:
    assert known.match in systems.MATCHES
    assert known.kind in systems.KINDS
    assert known.source.startswith(("http", "github", "Magento"))
    assert {*known.needs, *known.needs_one, *known.email, *known.points} <= set(known.headings)
    suggestion = suggest(known.headings)
    noted = [notice.code for notice in suggestion.notices if known.note in notice.message]
    assert not known.note or (known.note in suggestion.why) != bool(noted)
    assert f"the {known.file} of {known.system}" in suggestion.why


@every_known_file
def test_a_row_that_must_match_exactly_matches_no_longer_one(known: KnownFile) -> None:
    if known.match == "row":
        for longer in ([*known.headings, "Branch"], ["Branch", *known.headings], known.headings[:-1]):
            assert systems.recognise(longer) is not known


TALON = "loyaltyProgramID,loyaltySubledger,profileIntegrationID,currentBalance,pendingBalance,spentBalance"
SHOPIFY = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,"
    "Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags"
)
EC_CUBE = (
    "会員ID,お名前(姓),お名前(名),お名前(セイ),お名前(メイ),会社名,郵便番号,都道府県(ID),都道府県(名称),住所1,住所2,"
    "メールアドレス,TEL,性別(ID),性別(名称),職業(ID),職業(名称),誕生日,初回購入日,最終購入日,購入回数,"
    "ショップ用メモ欄,会員ステータス(ID),会員ステータス(名称),登録日,更新日,ポイント"
)
LOYLAP = (
    "ID,Name,First Name,Last Name,Email,Username,Status,Nickname,Phone_Number,Date_Birth,Date_Add,Date_Edit,"
    "Account_Number,Gender,Card_Brand,Expiry_Date,Cash_Balance,Stamp_Balance,Role_Name"
)
MIRASVIT = (
    "transaction_id,customer_name,customer_email,customer_group_name,website_id,amount,amount_used,comment,code,"
    "is_expired,is_expiration_email_sent,expires_at,created_at,updated_at"
)
THANX = "POINTS_ACCOUNT_ID,MERCHANT_ID,USER_ID,OWNER_TYPE,BALANCE,POINTS_PROGRAM_CONVERSION_RATE,CREATED_AT"
OPEN_LOYALTY = (
    "transferId,tenantId,points,memberId,walletId,walletTypeCode,firstName,lastName,email,phone,loyaltyCardNumber,type,"
    "createdAt,expiredAt,cancelled,cancelledAt,locked,unlockAt,comment,campaignId,transactionId,customEventId,more"
)
YOTPO = "Full Name,First Name,Last Name,Email,Points Balance,Points Spent,Birthday (MM/DD),Anniversary"


@pytest.mark.parametrize(
    ("header", "system", "email", "points", "told"),
    [
        ("email,points", "Smile.io", "email", "points", set()),
        (YOTPO, "Yotpo Loyalty", "Email", "Points Balance", {"SPENT_OR_PENDING"}),
        (
            "Email,Points Balance,Birthdate,VIP Tier,Activation Date,Credits Balance",
            "Rivo",
            "Email",
            "Points Balance",
            {"MONEY_NOT_POINTS"},
        ),
        ("Points Amount,Customer Email,order_id", "Rivo", "Customer Email", "Points Amount", {"LEDGER"}),
        ("customer_id,points_amount,source", "Rivo", None, "points_amount", {"LEDGER", NO_EMAIL}),
        ("email,credits_amount", "Rivo", "email", None, {"LEDGER", NO_POINTS, "MONEY_NOT_POINTS"}),
        (
            "first_name,last_name,email,points,birthday,vip_tier,vip_tier_end_date",
            "Stamped Loyalty",
            "email",
            "points",
            {"DELTAS"},
        ),
        ("first_name,last_name,email,points,add_points,birthday,vip_tier", "Stamped Loyalty", "email", "points", set()),
        ("Email,Name,Membership Type,Points,Birthday(MM/DD),Created Date", "Joy Loyalty", "Email", "Points", set()),
        (TALON, "Talon.One", None, "currentBalance", {"LEDGER", "SPENT_OR_PENDING", NO_EMAIL}),
        ("customerprofileid,amount,startdate,expirydate,subledgerid,reason", "Talon.One", None, "amount", None),
        ("source_id,email,loyalty_points,metadata", "Voucherify", "email", "loyalty_points", set()),
        ("name,source_id", "Voucherify", None, None, {NO_EMAIL, NO_POINTS}),
        ("code,voucher_type,value,discount_type", "Voucherify", None, None, {NO_EMAIL, NO_POINTS, "LEDGER"}),
        ("code,loyalty_balance,customer_source_id", "Voucherify", None, "loyalty_balance", {NO_EMAIL, "LEDGER"}),
        (
            "id,type,source_id,status,reason,source,balance,amount,created_at",
            "Voucherify",
            None,
            None,
            {NO_EMAIL, NO_POINTS, "LEDGER"},
        ),
        (SHOPIFY, "Shopify", "Email", None, {NO_POINTS}),
        (SHOPIFY + ",Accepts WhatsApp Marketing", "Shopify", "Email", None, {NO_POINTS}),
        (
            "customer_code,first_name,last_name,email,year_to_date,loyalty_balance",
            "Lightspeed Retail X-Series (Vend)",
            "email",
            None,
            {NO_POINTS, "MONEY_NOT_POINTS"},
        ),
        (
            "_email,_website,_finance_website,store_credit,reward_points",
            "Adobe Commerce (Magento)",
            "_email",
            "reward_points",
            {"LEDGER", "MONEY_NOT_POINTS"},
        ),
        ("email,_website,_finance_website,reward_points", "Adobe Commerce (Magento)", "email", "reward_points", None),
        ("Code,Points,Partner/Email", "Odoo", "Partner/Email", "Points", {"LEDGER"}),
        ("Program,Code,Partner,Points,Expiration Date", "Odoo", None, "Points", {"LEDGER", NO_EMAIL}),
        ("program_id,code,partner_id/email,points", "Odoo", "partner_id/email", "points", {"LEDGER"}),
        (THANX, "Thanx", None, "BALANCE", {NO_EMAIL}),
        (THANX.lower(), "Thanx", None, "balance", {NO_EMAIL}),
        (EC_CUBE, "EC-CUBE", "メールアドレス", "ポイント", set()),
        (EC_CUBE.removesuffix(",ポイント"), "EC-CUBE", "メールアドレス", None, {NO_POINTS}),
        (
            "Name,Email,Points balance,Redeemed points,Last activity",
            "Wix Loyalty",
            "Email",
            "Points balance",
            {"SPENT_OR_PENDING"},
        ),
        ("Email,Points,Action", "influence.io", "Email", "Points", {"DELTAS"}),
        (MIRASVIT, "Mirasvit Rewards", "customer_email", None, {"LEDGER", NO_POINTS}),
        (LOYLAP, "LoyLap", "Email", "Stamp_Balance", {"MONEY_NOT_POINTS"}),
        (
            "full_name,phone,email,membership_tier,membership_point,membership_expire_date,credit_balance,remarks",
            "EPOS",
            "email",
            "membership_point",
            {"MONEY_NOT_POINTS"},
        ),
        ("identification,amount,point type", "myCred", None, "amount", {"LEDGER", NO_EMAIL}),
        ("identification,amount,point type,log entry", "myCred", None, "amount", {"LEDGER", NO_EMAIL}),
        ("ref,ref_id,user_id,creds,ctype,time,entry,data", "myCred", None, "creds", {"LEDGER", NO_EMAIL}),
        (
            "Loyalty Program,Loyalty Program Tier,Customer,Sales Invoice,Points Earned,Purchase Amount,Expiry Date",
            "ERPNext",
            None,
            "Points Earned",
            {"LEDGER", NO_EMAIL},
        ),
        (OPEN_LOYALTY, "Open Loyalty", "email", None, {"LEDGER", NO_POINTS}),
        (
            "Users Email,Points,Reason",
            "Points and Rewards for WooCommerce (WP Swings)",
            "Users Email",
            "Points",
            set(),
        ),
        ("email,points,referral_code", "WPLoyalty", "email", "points", set()),
        ("user_email,points", "Flycart", "user_email", "points", set()),
        ("VendCustomerCode,Points", "Marsello", None, "Points", {NO_EMAIL}),
        ("email,status,firstName,lastName,points", "Okendo", "email", "points", set()),
    ],
)
def test_the_file_of_a_system_is_read_as_the_system_means_it(
    header: str, system: str, email: str | None, points: str | None, told: set[str] | None
) -> None:
    suggestion = suggest(header)
    assert suggestion.system == system
    assert names(header) == (email, points)
    assert told is None or codes(suggestion) == told
    assert {notice.line for notice in columns.suggest(header.split(","), (), heading_line=7).notices} <= {7}


def test_a_row_that_any_shop_writes_names_one_system_and_says_that_others_write_it_too() -> None:
    assert suggest("Email,Points").why == (
        "The headings are those of the points import template of Smile.io (Rivo, Growave, Loloyal and YITH write the same):"
        ' "Email" names the e-mail address, and "Points" names the points.'
    )


@pytest.mark.parametrize(
    "header",
    [
        "Email,Points,City",
        "Points,Email",
        "Name,Email,Points",
        "Email,Points Balance,City",
        "Email Address,Quantity,City",
    ],
)
def test_a_short_row_that_any_shop_writes_claims_no_other_file(header: str) -> None:
    assert suggest(header).system is None


def test_of_two_files_that_fit_the_one_that_explains_more_is_meant() -> None:
    member = "USER_ID,EMAIL,SIGNUP_PROGRAM_ID,TIER_STATUS,IS_USER_JOINED"
    few, many = f"{member},POINTS_ACCOUNT_ID,BALANCE", f"{member},{THANX.replace(',USER_ID', '')}"
    assert suggest(few).why.startswith("The headings are those of the memberships export of Thanx:")
    assert suggest(many).why.startswith("The headings are those of the points accounts export of Thanx:")
    assert names(few) == names(many) == ("EMAIL", "BALANCE")


@pytest.mark.parametrize(
    ("cells", "email"),
    [
        ((ANN, BEN), "profileIntegrationID"),
        ((ANN, "8842"), "profileIntegrationID"),
        ((ANN, "8842", "8843"), None),
        (("8842",), None),
    ],
)
def test_an_id_is_the_address_only_when_its_cells_are_addresses(cells: Sequence[str], email: str | None) -> None:
    rows = [["1", "main", cell, "50", "0", "0"] for cell in cells]
    assert names(TALON, *rows) == (email, "currentBalance")


def test_a_column_that_was_added_to_a_known_file_is_found_by_its_own_heading() -> None:
    assert names(SHOPIFY + ",Points") == ("Email", "Points")
    assert names(THANX + ",Email") == ("Email", "BALANCE")
    assert "keeps no points" not in suggest(SHOPIFY + ",Points").why
    # But nothing that the system documents as something else.
    assert names(MIRASVIT + ",Points") == ("customer_email", "Points")
    vend = "customer_code,email,loyalty_balance,Points"
    assert names(vend) == ("email", "Points")
    assert suggest(vend).system == "Lightspeed Retail X-Series (Vend)"


def test_stamped_files_that_only_add_are_read_so() -> None:
    header = "first_name,last_name,email,points,add_points,birthday,vip_tier"
    suggestion = suggest(header, ["Ann", "A", ANN, "", "25", "", ""], ["Ben", "B", BEN, "", "-5", "", ""])
    assert suggestion.points == 4
    assert "ADD" in message(suggestion, "DELTAS")


# --- Headings in nine languages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "email", "points"),
    [
        (["Name", "Email", "Points balance"], 1, 2),
        (["Email", "loyalty.points"], 0, 1),
        (["customer_email", "Points (pts)"], 0, 1),
        (["Points approved", "E-mail address"], 1, 0),
        ([" E-Mail-Adresse ", "Punkte"], 0, 1),
        (["Emailadresse", "Aktueller Punktestand"], 0, 1),
        (["Kunden-E-Mail", "Verfügbare Punkte"], 0, 1),
        (["Adresse électronique", "Solde de points"], 0, 1),
        (["Mél", "Points de fidélité"], 0, 1),
        (["Dirección de correo electrónico", "Balance actual de puntos"], 0, 1),
        (["Correo electrónico", "Puntos (pts)"], 0, 1),
        (["Posta elettronica", "Saldo punti"], 0, 1),
        (["E-MAIL", "Punti fedeltà"], 0, 1),
        (["E-mailadres", "Spaarpunten"], 0, 1),
        (["E-mail adres", "Beschikbare punten"], 0, 1),
        (["Endereço de e-mail", "Pontos disponíveis"], 0, 1),
        (["Correio eletrónico", "Pontuação"], 0, 1),
        (["Adres e-mail", "Dostępne punkty"], 0, 1),
        (["Poczta elektroniczna", "Saldo punktów"], 0, 1),
        (["メールアドレス", "保有ポイント"], 0, 1),
        (["Eメールアドレス", "利用可能ポイント"], 0, 1),
        (["ｅｍａｉｌ", "Ｐｏｉｎｔｓ", "店"], 0, 1),
        (["\ufeffEmail", "\u200bPoints\xa0", "x"], 0, 1),
        (["Customer", "Amount"], None, None),
    ],
)
def test_headings_alone_tell_the_columns(header: list[str], email: int | None, points: int | None) -> None:
    suggestion = suggest(header)
    assert (suggestion.email, suggestion.points) == (email, points)


def test_a_suggestion_says_why() -> None:
    assert suggest("Name,Email,Points").why == '"Email" names the e-mail address. "Points" names the points.'


def test_no_heading_is_both_an_address_and_points_or_points_and_something_else() -> None:
    for aliases in (
        headings.EMAIL_ALIASES,
        headings.POINTS_ALIASES,
        headings.ADDRESS_ID_ALIASES,
        headings.MAY_BE_MONEY,
    ):
        assert {headings.canonical(alias) for alias in aliases} == aliases
    assert not headings.EMAIL_ALIASES & headings.POINTS_ALIASES
    assert not headings.EMAIL_ALIASES & headings.ADDRESS_ID_ALIASES
    assert headings.MAY_BE_MONEY <= headings.POINTS_ALIASES
    for meaning, seen in headings.LOOK_ALIKES.items():
        assert not seen & headings.POINTS_ALIASES
        assert {headings.look_alike(heading) for heading in seen} == {meaning}


# --- What only looks like points, or like an address ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "meaning"),
    [
        *[(heading, "spent") for heading in ("Points Spent", "Redeemed points", "spentBalance", "amount_used")],
        *[
            (heading, "spent")
            for heading in ("Total Used", "Completed Stamps", "Eingelöste Punkte", "使用済みポイント")
        ],
        *[(heading, "pending") for heading in ("pendingBalance", "Points pending", "Not Yet Available", "locked")],
        *[(heading, "pending") for heading in ("Ausstehende Punkte", "Points en attente", "Pontos pendentes")],
        *[(heading, "lifetime") for heading in ("Points lifetime", "Points total", "Stamps", "initial_points")],
        *[(heading, "lifetime") for heading in ("Puntos acumulados", "Totaal punten", "Suma punktów", "累計ポイント")],
        *[(heading, "expired") for heading in ("expiredBalance", "Punti scaduti", "Points expirés", "失効ポイント")],
        *[(heading, "money") for heading in ("store_credit", "Credits Balance", "gift_balance", "Cash_Balance")],
        *[(heading, "money") for heading in ("credit_balance", "store_credit_balance", "Cagnotte", "Guthaben (EUR)")],
        *[
            (heading, "addition")
            for heading in ("add_points", "points_amount", "pointsValue", "creds", "Points Earned")
        ],
        *[(heading, "rate") for heading in ("rate_of_conversion", "POINTS_PROGRAM_CONVERSION_RATE")],
    ],
)
def test_a_look_alike_is_not_the_balance(heading: str, meaning: headings.LookAlike) -> None:
    assert headings.look_alike(heading) == meaning
    alone = suggest(["E-Mail", heading, "City"], [ANN, "120", "Ulm"], [BEN, "45", "Bonn"])
    assert alone.points is None
    assert f'"{heading}" {columns.MEANINGS[meaning]}' in message(alone, NO_POINTS)
    assert suggest(["E-Mail", heading, "Points"], [ANN, "1", "120"]).points == 2


@pytest.mark.parametrize(
    "heading", ["Points", "Total Orders", "Expiry", "Points Expiry", "Stampede", "Last used", "Total"]
)
def test_a_heading_that_does_not_speak_of_other_points_is_no_look_alike(heading: str) -> None:
    assert headings.look_alike(heading) is None


@pytest.mark.parametrize(
    "heading", ["year_to_date", "Total Spent", "Quantity", "ZIP", "Telefon", "Kundennummer", "Visits"]
)
def test_whole_numbers_under_a_heading_of_something_else_are_not_points(heading: str) -> None:
    assert suggest(["E-Mail", heading, "City"], [ANN, "120", "Ulm"], [BEN, "45", "Bonn"]).points is None


@pytest.mark.parametrize(
    "heading",
    [
        "Accepts Email Marketing",
        "Email Subscription Status",
        "EmailOptIn",
        "EMAIL_LAST_OPENED_AT",
        "is_expiration_email_sent",
        "OldEmailAddress",
    ],
)
def test_a_heading_that_only_contains_email_is_not_the_address(heading: str) -> None:
    assert suggest([heading, "Points", "x"]).email is None
    assert suggest([heading, "Email", "Points"]).email == 1


def test_an_address_of_somebody_else_is_not_the_customers() -> None:
    assert names("OldEmailAddress,Points,x", [ANN, "5", ""]) == (None, "Points")
    assert names("Referred by,Login,Points", [ANN, BEN, "5"]) == ("Login", "Points")


def test_approved_points_are_the_balance_and_nothing_is_subtracted() -> None:
    header = "Name,E-mail,Points approved,Points pending,Points spent,Points total"
    suggestion = suggest(header, ["Ann", ANN, "400", "50", "1000", "450"])
    assert names(header) == ("E-mail", "Points approved")
    assert message(suggestion, "SPENT_OR_PENDING") == (
        '"Points pending", "Points spent" and "Points total" are not imported,'
        ' and nothing is taken off "Points approved", which is what is left.'
    )


def test_money_is_not_points() -> None:
    credit = suggest("Email,Store Credit,x", [ANN, "12", ""])
    assert credit.points is None
    assert message(credit, "MONEY_NOT_POINTS").startswith('"Store Credit" is money, not points. To turn it into points')
    beside = suggest("Email,Points,Store Credit", [ANN, "12", "3"])
    assert beside.points == 1
    assert message(beside, "MONEY_NOT_POINTS") == '"Store Credit" is money, not points, and is not imported.'


@pytest.mark.parametrize(
    ("heading", "cells", "is_points"),
    [
        ("Saldo", ("€ 12", "€ 3"), False),
        ("Points", ("$12", "$3"), False),
        ("Balance", ("12.50", "3.99"), False),
        ("Saldo", ("1.212,50", "3,99"), False),
        ("Balance", ("12.00", "3.00"), True),
        ("Balance", ("12", "3"), True),
        ("Balance", ("1,250", "52,620"), True),
        ("Points", ("12.50", "3.99"), True),
        ("Points", ("12", "$3"), True),
    ],
)
def test_cells_tell_money_from_points(heading: str, cells: Sequence[str], is_points: bool) -> None:
    suggestion = suggest(["Email", heading, "x"], *([ANN, cell, ""] for cell in cells))
    assert suggestion.points == (1 if is_points else None)
    assert ("MONEY_NOT_POINTS" in codes(suggestion)) != is_points


def test_a_word_that_means_dollars_in_one_system_is_suggested_with_a_warning() -> None:
    suggestion = suggest("Email,loyalty_balance,x", [ANN, "12", ""])
    assert suggestion.points == 1
    assert "Lightspeed" in message(suggestion, "MONEY_NOT_POINTS")


# --- Ledgers and additions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beside", ["Reason", "order_id", "Transaction Date", "Date", "Grund", "取引日"])
def test_addresses_in_several_rows_beside_a_movement_are_a_ledger(beside: str) -> None:
    header = ["E-Mail", "Points", beside]
    suggestion = suggest(header, [ANN, "5", "x"], [BEN, "5", "y"], [ANN.upper(), "7", "z"])
    assert "choose SUM for duplicates" in message(suggestion, "LEDGER")
    assert f'"{beside}"' in message(suggestion, "LEDGER")
    assert "LEDGER" not in codes(suggest(header, [ANN, "5", "x"], [BEN, "5", "y"]))


@pytest.mark.parametrize("beside", ["City", "Birth date", "Created at", "Last activity"])
def test_an_address_that_stands_twice_beside_nothing_of_the_kind_is_no_ledger(beside: str) -> None:
    assert "LEDGER" not in codes(suggest(["E-Mail", "Points", beside], [ANN, "5", "x"], [ANN, "7", "z"]))


def test_a_running_balance_is_not_to_be_added_up() -> None:
    suggestion = suggest("E-Mail,Points balance,Reason", [ANN, "5", "x"], [ANN, "12", "y"])
    assert 'if "Points balance" is what was left after each row, choose FIRST or LAST' in message(suggestion, "LEDGER")
    assert "LAST" not in message(suggest("E-Mail,abc,Reason", [ANN, "x", "x"], [ANN, "y", "y"]), "LEDGER")
    assert "LAST" not in message(suggest("E-Mail,Points,Reason", [ANN, "5", "x"], [ANN, "12", "y"]), "LEDGER")


def test_a_ledger_that_cannot_be_added_up_is_not_told_to_be() -> None:
    assert "cannot be added up as they are" in message(suggest(MIRASVIT), "LEDGER")
    assert '"amount" less "amount_used"' in message(suggest(MIRASVIT), "LEDGER")
    assert "choose SUM for duplicates, and they are added up" in message(suggest("email,points_amount"), "LEDGER")


def test_numbers_below_zero_and_points_to_add_ask_for_the_mode_add() -> None:
    below = suggest("E-Mail,Points,City", [ANN, "5", ""], [BEN, "-5", ""])
    assert below.points == 1
    assert '"Points" has numbers below zero' in message(below, "DELTAS")
    to_add = suggest("E-Mail,Points to add,City", [ANN, "5", ""])
    assert to_add.points is None
    assert "the mode ADD" in message(to_add, "DELTAS")
    assert "DELTAS" not in codes(suggest("E-Mail,Points,City", [ANN, "5", ""], [BEN, "0", ""]))
    assert "DELTAS" not in codes(suggest("E-Mail,Points,Points to add", [ANN, "5", "6"]))
    assert "DELTAS" not in codes(suggest("email,points_amount", [ANN, "5"], [ANN, "-5"]))


# --- Two candidates -------------------------------------------------------------------------------------------------------


def test_two_candidates_are_no_suggestion() -> None:
    emails = suggest("Email,Email address,Points", [ANN, BEN, "5"])
    assert (emails.email, emails.points) == (None, 2)
    assert emails.why.startswith('"Email" and "Email address" may each be the e-mail address, so you have to choose.')
    assert "Choose the column of the customers' own addresses" in message(emails, NO_EMAIL)
    points = suggest("Name,Email,Points,Balance", ["Ann", ANN, "5", "6"])
    assert (points.email, points.points) == (1, None)
    assert '"Points" and "Balance" may each be the points' in message(points, NO_POINTS)


def test_columns_of_the_same_heading_are_told_apart_by_their_place() -> None:
    suggestion = suggest("Email,Points,Email", [ANN, "5", BEN])
    assert suggestion.email is None
    assert '"Email" (column 1) and "Email" (column 3) may each be' in suggestion.why


@pytest.mark.parametrize(
    ("header", "row", "chosen", "because"),
    [
        ("Email,Email address,Points", ["Ann", ANN, "5"], (1, 2), '"Email" holds no e-mail addresses'),
        ("Email,Email address,Points", ["", ANN, "5"], (1, 2), '"Email" holds no e-mail addresses'),
        ("E-Mail,Login,Points", ["Ann", ANN, "5"], (1, 2), '"Login" holds e-mail addresses, unlike "E-Mail"'),
        ("x,E-Mail,Points,Balance", ["", ANN, "", "5"], (1, 3), '"Points" holds no numbers'),
        ("x,E-Mail,Points,Balance", ["", ANN, "Gold", "5"], (1, 3), '"Points" holds no numbers'),
        ("x,E-Mail,Points,Balance", ["", ANN, "5", "€ 5"], (1, 2), '"Points" names the points'),
        ("x,E-Mail,Points,abc", ["", ANN, "Gold", "5"], (1, 3), '"abc" is the only column of whole numbers'),
        ("email,points", ["120", ANN], (1, 0), '"points" holds e-mail addresses, unlike "email"'),
    ],
)
def test_cells_decide_where_headings_do_not(header: str, row: list[str], chosen: tuple[int, int], because: str) -> None:
    suggestion = suggest(header, row)
    assert (suggestion.email, suggestion.points) == chosen
    assert because in suggestion.why


def test_a_heading_stands_where_no_cell_contradicts_it() -> None:
    assert suggest("x,Email,Points", ["", "", ""]).email == 1
    assert suggest("x,Email,Points", ["", "not an address", "n/a 5"]).email == 1
    assert suggest("x,Email,Points", ["", "not an address", "5 pts"]).points == 2
    assert suggest("Note,Email,Points", ["ask ann@example.com about it", "-", "5"]).email == 1


# --- Cells alone ----------------------------------------------------------------------------------------------------------


def test_a_file_without_headings_is_read_by_its_cells() -> None:
    suggestion = suggest("Column 1,Column 2,Column 3", ["Ann", ANN, "120"], ["Ben", BEN, "3400"])
    assert (suggestion.email, suggestion.points) == (1, 2)
    assert suggestion.why == (
        'The file has no headings: "Column 2" holds e-mail addresses, and "Column 3" is the only column of whole numbers.'
    )
    assert suggest("Column 1,Column 2").notices[0].code == NO_EMAIL
    assert "no headings" not in suggest("Column 1,Column 3").why + suggest([]).why


def test_two_columns_of_addresses_or_of_whole_numbers_are_no_suggestion() -> None:
    suggestion = suggest("Column 1,Column 2,Column 3,Column 4", [ANN, BEN, "120", "7"], [BEN, CAT, "15", "8"])
    assert (suggestion.email, suggestion.points) == (None, None)
    assert '"Column 1" and "Column 2" each hold e-mail addresses' in suggestion.why
    assert '"Column 3" and "Column 4" each hold whole numbers' in suggestion.why


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("120", "3400", "0"), None),
        (("1,200", "52,620", "3"), None),
        (("1.200", "2.620", "3.000"), None),
        (("-20", "30", "45"), None),
        (("120.0", "30.0", "45.0"), None),
        (("", "30", "", "45"), None),
        (("100", "200", "300", "400"), None),
        (("12345678", "120", "30"), None),
        (("123456789", "120", "30"), "phone numbers or ids"),
        (("5512345678", "120", "30"), "phone numbers or ids"),
        (("+4930123", "+4940123"), "phone numbers or ids"),
        (("00120", "03400", "9"), "postcodes or ids"),
        (("10115", "20095", "80331"), "postcodes or ids"),
        (("1987", "2001", "1975"), "years"),
        (("2100", "1900", "1987"), "years"),
        (("2101", "1987", "2001"), None),
        (("1899", "1987", "2001"), None),
        (("1987", "-5", "2001"), None),
        (("1", "0", "1"), "yes and no"),
        (("1001", "1002", "1003"), "row numbers or ids"),
        (tuple(str(number) for number in (3, 5, 8, 13, 21, 34, 55, 89, 144, 233)), "row numbers or ids"),
        (tuple(str(number) for number in (3, 5, 8, 13, 21, 34, 55, 89, 144, 12)), None),
        (("52,620", "120", "30", "45", "60", "75", "90", "15", "20", "no"), None),
    ],
)
def test_whole_numbers_that_look_like_something_else_are_not_points(cells: Sequence[str], reason: str | None) -> None:
    suggestion = suggest("Column 1,Column 2", *([ANN, cell] for cell in cells))
    assert suggestion.points == (1 if reason is None else None)
    assert reason is None or f'"Column 2" looks like {reason}' in message(suggestion, NO_POINTS)


@pytest.mark.parametrize(
    "cells", [("12.5", "3"), ("Gold", "3"), ("€ 12", "€ 3"), ("2024-01-31", "2024-02-01"), ("", "")]
)
def test_what_is_not_whole_numbers_is_not_points(cells: Sequence[str]) -> None:
    assert suggest("Column 1,Column 2", *([ANN, cell] for cell in cells)).points is None


def test_of_columns_of_whole_numbers_the_one_that_speaks_of_points_is_meant() -> None:
    header, row = "E-Mail,Klasse,Punkte heute,Punkte ausgegeben", [ANN, "3", "120", "9"]
    suggestion = suggest(header, row, [BEN, "4", "45", "8"])
    assert suggestion.points == 2
    assert '"Punkte heute" is the only column of whole numbers whose heading speaks of points' in suggestion.why
    assert suggest("E-Mail,Klasse,Punkte ausgegeben", [ANN, "3", "9"]).points is None


def test_a_few_bad_cells_do_not_hide_a_column() -> None:
    rows = [[f"customer{number}@example.com", str(number * 37 % 1000)] for number in range(40)]
    suggestion = suggest("Column 1,Column 2", *rows, ["no address", "n/a"], [], ["x"], [ANN, "5", "too", "long"])
    assert (suggestion.email, suggestion.points) == (0, 1)
    assert suggest("Column 1,Column 2", [ANN, "5"], ["x", "n/a"], ["y", "n/a"]).email is None


def test_an_id_that_often_is_an_address_is_preferred_to_a_column_that_never_is() -> None:
    assert names("Login,source_id,Points", [ANN, BEN, "5"]) == ("source_id", "Points")
    assert names("Login,source_id,Points", [ANN, "8842", "5"]) == ("Login", "Points")


def test_where_the_points_are_told_to_be_money_or_elsewhere_no_other_column_is_taken_for_them() -> None:
    assert names("Email,Balance,abc", [ANN, "€ 5", "120"]) == ("Email", None)
    assert names(SHOPIFY + ",abc", [*("" for _ in SHOPIFY.split(",")), "120"]) == ("Email", None)
    wix = suggest("Name,Email,Points balance,Redeemed points,Last activity", ["Ann", ANN, "Gold", "9", "today"])
    assert wix.points is None
    assert '"Points balance" holds no numbers' in message(wix, NO_POINTS)
    vend = suggest("customer_code,email,loyalty_balance", ["A1", ANN, "9"])
    assert '"loyalty_balance" is money in this file' in vend.why


def test_what_is_said_stays_short() -> None:
    assert '"b", "c", "d", "e" and "f" each hold' in suggest("a,b,c,d,e,f", ["", *[ANN] * 5]).why
    header = [f"{'x' * 1000}{number}" for number in range(100)]
    suggestion = suggest(header, [ANN] * 100)
    assert len(suggestion.why) < 600
    assert "and 95 more each hold e-mail addresses" in suggestion.why


# --- Any header, any rows -------------------------------------------------------------------------------------------------

known_headings = sorted({heading for known in systems.known_files() for heading in known.headings})
some_headings = st.one_of(
    st.sampled_from(known_headings),
    st.sampled_from(sorted(headings.EMAIL_ALIASES | headings.POINTS_ALIASES | headings.ADDRESS_ID_ALIASES)),
    st.text(max_size=12),
)
some_headers = st.one_of(
    st.lists(some_headings, max_size=12),
    st.sampled_from(systems.known_files()).flatmap(lambda known: st.permutations(known.headings)),
)
some_cells = st.one_of(
    st.sampled_from([ANN, BEN, "", "120", "-5", "1,250", "12.50", "$ 5", "²", "٣", "+1 555", "x@"]),
    st.text(max_size=12),
)


@settings(deadline=None, max_examples=300)
@given(some_headers, st.lists(st.lists(some_cells, max_size=14), max_size=12))
@example([], [[ANN]])
@example(["email", "points"], [["120", ANN]])
def test_whatever_the_file_no_column_is_suggested_twice(header: list[str], rows: list[list[str]]) -> None:
    suggestion = columns.suggest(header, rows, heading_line=3)
    chosen = [column for column in (suggestion.email, suggestion.points) if column is not None]
    assert len(set(chosen)) == len(chosen)
    assert all(0 <= column < len(header) for column in chosen)
    assert (NO_EMAIL in codes(suggestion)) == (suggestion.email is None)
    assert (NO_POINTS in codes(suggestion)) == (suggestion.points is None)
    assert all(notice.line == 3 and notice.message.strip() == notice.message for notice in suggestion.notices)
    assert suggestion.why.endswith(".")
