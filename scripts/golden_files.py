"""Writes those files of tests/files that no editor writes: old encodings, stray control characters, workbooks, binaries.

    python -m scripts.golden_files

The others are typed, and so is what each is expected to read as (`*.expected.json` beside it). All names are invented.
"""

# ruff: noqa: RUF001 (names of all countries)

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

FILES = Path(__file__).parents[1] / "tests" / "files"

# --- Text --------------------------------------------------------------------------------------------------------------

CRLF, CR, LF, NONE = "\r\n", "\r", "\n", ""


def text(encoding: str, line_end: str, *lines: str) -> bytes:
    """Return lines in an encoding; a lone surrogate is the byte in its last two digits, which is no character there."""
    return "".join(line + line_end for line in lines).encode(encoding, "surrogateescape")


TEXTS: Mapping[str, bytes] = {
    # Encodings
    "encodings/utf-8-bom-excel.csv": text(
        "utf-8-sig",
        CRLF,
        "Name;E-Mail;Punkte",
        "Jörn Kälberer;joern@example.com;1200",
        "Annelie Süß;annelie@example.net;80",
    ),
    "encodings/utf-8-bom-before-a-quote.csv": text(
        "utf-8-sig", LF, '"Email","Points"', '"mira.holt@example.com","1200"', '"zoë.vale@example.net","80"'
    ),
    "encodings/utf-16-le-excel-unicode-text.txt": text(
        "utf-16-le",
        CRLF,
        "\ufeffName\tE-mail\tPoints",
        '"Hólt, Míra"\tmira@example.com\t1200',
        '"Jonas ""Jo"" Vâle"\tjonas@example.net\t80',
        "Łucja Żak\tlucja@example.org\t0",
    ),
    "encodings/utf-16-be-bom.csv": text(
        "utf-16-be", LF, "\ufeffEmail,Points,City", "mira@example.com,1200,東京", "jonas@example.net,80,Αθήνα"
    ),
    "encodings/utf-16-le-without-bom.csv": text(
        "utf-16-le", CRLF, "Email,Points,City", "mira@example.com,1200,Zürich", "jonas@example.net,80,Malmö"
    ),
    "encodings/windows-1252-excel-semicolon.csv": text(
        "cp1252",
        CRLF,
        "Name;E-Mail;Punkte",
        "Jürgen Grünfeld;juergen@example.com;1200",
        "Käthe Süßmilch;kaethe@example.net;80",
        "Björn Weißdorn;bjoern@example.org;0",
    ),
    "encodings/windows-1252-one-accent.csv": text(
        "cp1252",
        LF,
        "Name,Email,Points",
        "Mira Holt,mira@example.com,1200",
        "José Vale,jose@example.net,80",
        "Pia Sommer,pia@example.org,5",
    ),
    "encodings/windows-1252-typographic-quotes.csv": text(
        "cp1252",
        LF,
        "Name,Email,Points,Note",
        "Mira Holt,mira@example.com,1200,“Gold” since 2031",
        "Jonas Vale,jonas@example.net,80,it’s fine – really…",
        "Pia O’Hara,pia@example.org,5,",
    ),
    "encodings/windows-1252-french.csv": text(
        "cp1252",
        CRLF,
        "Nom;E-mail;Points;Note",
        "Cœurdelion Hélène;helene@example.com;350;cadeau de 5 €",
        "Lefèvre Zoé;zoe@example.net;20;",
        "Forêt Chloé;chloe@example.org;0;déjà cliente",
    ),
    "encodings/iso-8859-15-french.csv": text(
        "iso-8859-15",
        LF,
        "Nom;E-mail;Points;Note",
        "Cœurdelion Hélène;helene@example.com;350;cadeau de 5 €",
        "Lœuillet Zoé;zoe@example.net;20;",
        "Forêt Chloé;chloe@example.org;0;bon de 10 €",
    ),
    "encodings/cp932-japanese.csv": text(
        "cp932",
        CRLF,
        "氏名,メールアドレス,ポイント",
        "水野 さくら,sakura@example.com,1200",
        "森川 健太,kenta@example.net,80",
        "表 ソラ,sora@example.org,0",
    ),
    "encodings/cp932-half-width-kana.csv": text(
        "cp932", CRLF, "ﾅﾏｴ,ﾒｰﾙｱﾄﾞﾚｽ,ﾎﾟｲﾝﾄ", "ﾐｽﾞﾉ ｻｸﾗ,sakura@example.com,1200", "ﾓﾘｶﾜ ｹﾝﾀ,kenta@example.net,80"
    ),
    "encodings/windows-1250-polish.csv": text(
        "cp1250",
        CRLF,
        "Imię;Adres e-mail;Punkty",
        "Łucja Gęślarz;lucja@example.com;1200",
        "Małgorzata Źrebiec;malgosia@example.net;80",
        "Świętosław Żurek;swietek@example.org;0",
    ),
    "encodings/windows-1250-czech.csv": text(
        "cp1250",
        CRLF,
        "Jméno;E-mail;Stav bodů",
        "Jiří Šťáva;jiri@example.com;1200",
        "Božena Křížalová;bozena@example.net;80",
        "Zdeněk Řehoř;zdenek@example.org;0",
    ),
    "encodings/windows-1251-russian.csv": text(
        "cp1251",
        CRLF,
        "Имя;Почта;Баллы",
        "Мария Берёзкина;maria@example.com;1200",
        "Иван Щукин;ivan@example.net;80",
        "Юлия Цветова;julia@example.org;5",
    ),
    "encodings/gb18030-chinese.csv": text(
        "gb18030",
        CRLF,
        "姓名,电子邮件,积分",
        "林小雨,xiaoyu@example.com,1200",
        "陈大海,dahai@example.net,80",
        "周晓梅,xiaomei@example.org,5",
    ),
    "encodings/dos-850-german.csv": text(
        "cp850",
        CRLF,
        "Name;E-Mail;Punkte",
        "Jürgen Grünfeld;juergen@example.com;1200",
        "Käthe Süßmilch;kaethe@example.net;80",
    ),
    "encodings/windows-1252-only-nbsp.csv": text(
        "cp1252", CRLF, "Nom;E-mail;Points", "Mira Holt;mira@example.com;1\xa0250", "Jonas Vale;jonas@example.net;80"
    ),
    "encodings/windows-1252-only-euro.csv": text(
        "cp1252",
        CRLF,
        "Name;Email;Points;Note",
        "Mira Holt;mira@example.com;1200;spent 5 €",
        "Jonas Vale;jonas@example.net;80;",
    ),
    "encodings/windows-1252-only-apostrophe.csv": text(
        "cp1252", LF, "Name,Email,Points", "Pia O’Hara,pia@example.com,1200", "Jonas Vale,jonas@example.net,80"
    ),
    "encodings/windows-1252-spanish.csv": text(
        "cp1252",
        CRLF,
        "Nombre;Correo;Puntos;Dirección",
        "Mª Ángeles Peña;angeles@example.com;1200;Calle Inventada, nº 5",
        "Íñigo Núñez;inigo@example.net;80;Plaza Ficticia, 2º izq.",
    ),
    "encodings/windows-1252-spanish-ordinal.csv": text(
        "cp1252", CRLF, "Nombre;Correo;Puntos", "Mª José Vale;jose@example.com;1200", "Mira Holt;mira@example.net;80"
    ),
    "encodings/windows-1252-capitals.csv": text(
        "cp1252",
        CRLF,
        "NAME;E-MAIL;PUNKTE",
        "JÜRGEN GRÖSSL;juergen@example.com;1200",
        "KÄTHE MÖHR;kaethe@example.net;80",
    ),
    "encodings/windows-1252-portuguese.csv": text(
        "cp1252",
        CRLF,
        "Nome;E-mail;Pontos",
        "João Conceição;joao@example.com;1200",
        "Inês Sebastião;ines@example.net;80",
        "Graça Falcão;graca@example.org;5",
    ),
    "encodings/windows-1252-nordic.csv": text(
        "cp1252", LF, "Navn,E-mail,Points", "Søren Ågård,soren@example.com,1200", "Åse Bjørnæs,ase@example.net,80"
    ),
    "encodings/windows-1250-one-word.csv": text(
        "cp1250", LF, "Name,Email,Points", "Paweł Holt,pawel@example.com,1200", "Mira Holt,mira@example.net,80"
    ),
    "encodings/windows-1250-hungarian.csv": text(
        "cp1250", CRLF, "Név;E-mail;Pontok", "Őri Szűcs Ödön;odon@example.com;1200", "Fűzfa Győző;gyozo@example.net;80"
    ),
    "encodings/cp932-names-only.csv": text(
        "cp932",
        CRLF,
        "Name,Email,Points",
        "水野,sakura@example.com,1200",
        "森川,kenta@example.net,80",
        "田村,sora@example.org,5",
    ),
    "encodings/gb18030-names-only.csv": text(
        "gb18030", CRLF, "Name,Email,Points", "林小雨,xiaoyu@example.com,1200", "陈大海,dahai@example.net,80"
    ),
    "encodings/one-bad-byte-in-utf-8.csv": text(
        "utf-8",
        LF,
        "Name,Email,Points",
        "Jörn Kälberer,joern@example.com,1200",
        "Jos\udce9 Vale,jose@example.net,80",
        "Zoë Brändle,zoe@example.org,5",
        "Annelie Süß,annelie@example.com,7",
    ),
    "encodings/cut-within-the-last-character.csv": text(
        "utf-8",
        NONE,
        "Email,Points,Name\n",
        "joern@example.com,1200,Jörn Kälberer\n",
        "annelie@example.net,80,Annelie Süß\n",
        "zoe@example.org,5,Zo\udcc3",
    ),
    # Dialects
    "dialects/comma-crlf.csv": text("utf-8", CRLF, "Email,Points", "mira@example.com,1200", "jonas@example.net,80"),
    "dialects/cr-only.csv": text(
        "utf-8", CR, "Name,Email,Points", "Mira Holt,mira@example.com,1200", "Jonas Vale,jonas@example.net,80"
    ),
    "dialects/semicolon-crlf.csv": text(
        "utf-8",
        CRLF,
        "Name;E-Mail;Punkte;Umsatz",
        "Holt, Mira;mira@example.com;1200;1.024,50",
        "Vale, Jonas;jonas@example.net;80;9,99",
        "Sommer, Pia;pia@example.org;0;0,00",
    ),
    "dialects/sep-semicolon.csv": text(
        "utf-8",
        CRLF,
        "sep=;",
        "Name;Email;Points",
        '"Holt; Mira";mira@example.com;1200',
        "Vale, Jonas;jonas@example.net;80",
    ),
    "dialects/sep-behind-a-bom.csv": text(
        "utf-8-sig", CRLF, "sep=;", "Email;Points;Name", "mira@example.com;1200;Míra", "jonas@example.net;80;Jonas"
    ),
    "dialects/mixed-line-ends.csv": text(
        "utf-8",
        NONE,
        "Name,Email,Points\r\n",
        "Mira Holt,mira@example.com,1200\n",
        "Jonas Vale,jonas@example.net,80\r\n",
        "Pia Sommer,pia@example.org,5\rLena Brandt,lena@example.com,7\r\n",
    ),
    # Headings
    "headings/mac-numbers.csv": text(
        "utf-8",
        LF,
        "Table 1",
        "Name;Email;Points",
        "Mira Holt;mira@example.com;1200",
        "Jonas Vale;jonas@example.net;80",
        ";;",
        ";;",
        ";;",
    ),
    "headings/two-files-after-each-other.csv": text(
        "utf-8-sig",
        LF,
        "Email,Points",
        "mira@example.com,1200",
        "jonas@example.net,80",
        "\ufeffEmail,Points",
        "pia@example.org,5",
    ),
    "headings/blanks-and-invisible-characters.csv": text(
        "utf-8",
        LF,
        "\ufeff\ufeff Name\xa0, Email\u200b,\xa0Points ",
        "Mira Holt,mira@example.com,1200",
        "Jonas Vale,jonas@example.net,80",
    ),
    "headings/our-own-error-file.csv": text(
        "utf-8-sig",
        CRLF,
        "Name,Email,Points,Import line,Import status,Error code,Error reason",
        'Mira Holt,mira@example.com,1200,2,FAILED,POINTS_AMBIGUOUS,"""1,200"" can be read in two ways."',
        "'=Jonas,jonas@example.net,80,7,FAILED,EMAIL_INVALID,Not an e-mail address.",
        "'@pia,pia@example.org,-5,9,FAILED,POINTS_NEGATIVE,Below zero.",
    ),
    # One fault costs one row
    "broken/stray-cr-within-a-name.csv": text(
        "utf-8",
        NONE,
        "Name,Email,Points\n",
        "Mira\rHolt,mira@example.com,1200\n",
        "Jonas Vale,jonas@example.net,80\n",
        "Pia Sommer,pia@example.org,5\n",
    ),
    "broken/stray-cr-behind-an-address.csv": text(
        "utf-8", NONE, "Name,Email,Points\n", "Mira Holt,mira@example.com\r,1200\n", "Jonas Vale,jonas@example.net,80\n"
    ),
    "broken/nul-within-a-name.csv": text(
        "utf-8", LF, "Name,Email,Points", "Mira\x00Holt,mira@example.com,1200", "Jonas Vale,jonas@example.net,80"
    ),
    "broken/nul-within-points.csv": text(
        "utf-8", LF, "Name,Email,Points", "Mira Holt,mira@example.com,12\x0000", "Jonas Vale,jonas@example.net,80"
    ),
    "broken/nul-around-values.csv": text(
        "utf-8",
        LF,
        "Name,Email,Points",
        "Mira Holt,\x00mira@example.com\x00,\x001200\x00",
        "Jonas Vale,jonas@example.net,80",
    ),
    "broken/a-line-of-control-characters.csv": text(
        "utf-8",
        LF,
        "Name,Email,Points",
        "Mira Holt,mira@example.com,1200",
        "\x01\x02\x13abc\x04\x05",
        "Jonas Vale,jonas@example.net,80",
    ),
    "broken/quote-open-in-crlf.csv": text(
        "utf-8",
        CRLF,
        "Name,Email,Points",
        '"Mira Holt,mira@example.com,1200',
        "Jonas Vale,jonas@example.net,80",
        "Pia Sommer,pia@example.org,5",
    ),
    # Blanks
    "blanks/around-values.csv": text(
        "utf-8",
        LF,
        "Name,Email,Points",
        " Mira Holt , mira@example.com , 1200 ",
        "Jonas Vale,\xa0jonas@example.net\xa0,\xa080\xa0",
        "Pia Sommer,\u200bpia@example.org\u200b,\ufeff5\u2060",
        "Lena Brandt,\tlena@example.com\t,\t7\t",
        "Noa Winter,\u3000noa@example.net\u3000,\u20039\u202f",
    ),
    "blanks/rows-of-invisible-characters.csv": text(
        "utf-8",
        LF,
        "Name,Email,Points",
        " \t ",
        "Mira Holt,mira@example.com,1200",
        "\xa0,\xa0,\xa0",
        "\u200b,\ufeff,\u3000",
        "Jonas Vale,jonas@example.net,80",
        "\x0c",
    ),
    "blanks/nuls-behind-the-end.csv": text(
        "utf-8",
        NONE,
        "Email,Points\n",
        "mira@example.com,1200\n",
        "jonas@example.net,80\n",
        "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    ),
    "blanks/end-mark-of-dos.csv": text(
        "utf-8", NONE, "Email,Points\r\n", "mira@example.com,1200\r\n", "jonas@example.net,80\r\n", "\x1a"
    ),
    "blanks/line-ends-behind-the-end.csv": text(
        "utf-8",
        NONE,
        "Email,Points\r\n",
        "mira@example.com,1200\r\n",
        "jonas@example.net,80\r\n",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\n",
    ),
    # Numbers
    "numbers/blanks-group.csv": text(
        "utf-8",
        LF,
        "Email;Points",
        "mira@example.com;52 620",
        "jonas@example.net;1\xa0250",
        "pia@example.org;1\u202f234\u202f567",
        "lena@example.com;12 34",
        "noa@example.net;1 234,50",
    ),
    # Line numbers
    "line-numbers/crlf-within-quotes.csv": text(
        "utf-8",
        CRLF,
        "Name,Email,Note,Points",
        'Mira Holt,mira@example.com,"calls',
        'back",1200',
        'Jonas Vale,jonas@example.net,"one',
        "",
        'three",80',
        "Pia Sommer,pia@example.org,,x",
    ),
    "line-numbers/cr-within-quotes.csv": text(
        "utf-8",
        CR,
        "Name,Email,Note,Points",
        'Mira Holt,mira@example.com,"calls',
        'back",1200',
        "Jonas Vale,jonas@example.net,,80",
        "Pia Sommer,pia@example.org,,x",
    ),
    "line-numbers/lf-within-quotes-of-a-crlf-file.csv": text(
        "utf-8",
        NONE,
        "Name,Email,Note,Points\r\n",
        'Mira Holt,mira@example.com,"calls\n',
        "back\n",
        'later",1200\r\n',
        "Jonas Vale,jonas@example.net,,80\r\n",
        "Pia Sommer,pia@example.org,,x\r\n",
    ),
    "line-numbers/only-lf-and-cr-end-lines.csv": text(
        "utf-8",
        LF,
        "Name,Email,Note,Points",
        "Mira Holt,mira@example.com,a\x0bb,1200",
        "Jonas Vale,jonas@example.net,a\x0cb,80",
        "Pia Sommer,pia@example.org,a\x85b,5",
        "Lena Brandt,lena@example.com,a\u2028b,7",
        "Noa Winter,noa@example.net,a\u2029b,x",
    ),
    "line-numbers/doubled-cr.csv": text(
        "utf-8", NONE, "Email,Points\r\r\n", "mira@example.com,1200\r\r\n", "jonas@example.net,x\r\r\n"
    ),
    "line-numbers/lf-cr.csv": text(
        "utf-8", NONE, "Email,Points\n\r", "mira@example.com,1200\n\r", "jonas@example.net,x\n\r"
    ),
    "line-numbers/behind-a-stray-cr.csv": text(
        "utf-8", NONE, "Name,Email,Points\n", "Mira\rHolt,mira@example.com,1200\n", "Jonas Vale,jonas@example.net,x\n"
    ),
    # Files of other systems
    "systems/ec-cube-members.csv": text(
        "cp932",
        LF,
        "会員ID,お名前(姓),お名前(名),お名前(セイ),お名前(メイ),会社名,郵便番号,都道府県(ID),都道府県(名称),住所1,住所2,"
        "メールアドレス,TEL,性別(ID),性別(名称),職業(ID),職業(名称),誕生日,初回購入日,最終購入日,購入回数,"
        "ショップ用メモ欄,会員ステータス(ID),会員ステータス(名称),登録日,更新日,ポイント",
        "1,水野,さくら,ミズノ,サクラ,,1000000,13,東京都,架空町1-2,表ビル3階,sakura@example.com,0300000000,2,女性,,,"
        '"1990-04-01 00:00:00","2030-01-05 10:00:00","2031-02-03 11:30:00",4,,2,本会員,"2029-12-01 09:00:00",'
        '"2031-02-03 11:30:00",1200',
        "2,森川,健太,モリカワ,ケンタ,株式会社架空,5300000,27,大阪府,見本通5,,kenta@example.net,0600000000,1,男性,3,"
        'コンピューター技術者,,,,0,,2,本会員,"2030-06-01 09:00:00","2030-06-01 09:00:00",0',
        "3,森川,ソラ,モリカワ,ソラ,,5300000,27,大阪府,見本通5,,,0600000001,,,,,,,,0,,1,仮会員,"
        '"2031-01-01 09:00:00","2031-01-01 09:00:00",50',
    ),
    "systems/fanmaker-points-import.csv": text(
        "cp850",
        CRLF,
        "email,identifier,points,explanation",
        "juergen@example.com,game-12,150,Heimspiel Süd",
        "kaethe@example.net,game-12,150,Heimspiel Süd",
        "juergen@example.com,quiz-3,20,Quiz über Fußball",
    ),
    "systems/odoo-loyalty-cards.csv": text(
        "utf-8",
        CRLF,
        '"Program","Code","Partner","Points","Expiration Date","Partner/Email"',
        '"Loyalty Cards","0440-a1b2-c3d4","Holt, Mira","120.0","","mira@example.com"',
        '"Loyalty Cards","0441-e5f6-a7b8","\'+Jonas Vale","0.0","2032-01-31","jonas@example.net"',
        '"Gift Cards","0442-0c1d-2e3f","Holt, Mira","12.5","","mira@example.com"',
        '"Loyalty Cards","0443-4a5b-6c7d","","35.0","",""',
    ),
    "systems/odoo-loyalty-cards-import-compatible.csv": text(
        "utf-8",
        CRLF,
        '"program_id","code","partner_id","points","expiration_date","partner_id/email"',
        '"Loyalty Cards","0440-a1b2-c3d4","Holt, Mira","120.0","","mira@example.com"',
        '"Loyalty Cards","0441-e5f6-a7b8","Jonas Vale","1050.0","","jonas@example.net"',
    ),
    "systems/yotpo-import-older-tool.csv": text(
        "cp1252",
        CRLF,
        "Full Name;First Name;Last Name;Email;Points Balance;Points Spent;Birthday (MM/DD) or (MM/DD/YYYY);Anniversary",
        "Zoë Grünfeld;Zoë;Grünfeld;zoe@example.com;1200;400;04/01/1990;",
        "Jonas Vale;Jonas;Vale;jonas@example.net;0;0;12/24;",
        "Pia Süß;Pia;Süß;pia@example.org;35;1000;;",
    ),
    "systems/mycred-log.csv": text(
        "utf-8",
        CRLF,
        "Reference,User,Amount,Point Type,Date,Entry",
        'logging_in,mira,+10,Points,"March 1, 2031",Points for logging in',
        'purchase,jonas,-250,Points,"March 2, 2031","Payment, order 17"',
    ),
    # Refused
    "refused/utf-8-and-windows-1252-mixed.csv": text(
        "utf-8",
        LF,
        "Name,Email,Points",
        "Jörn Kälberer,joern@example.com,1200",
        "Annelie Süß Bräutigäm,annelie@example.net,80",
        "Zoë Übelhör Änderle,zoe@example.org,5",
        "Bj\udcf6rn Weber,bjoern@example.com,7",
        "Jos\udce9 Vale,jose@example.net,9",
    ),
    "refused/utf-32.csv": text("utf-32-le", LF, "\ufeffEmail,Points", "mira@example.com,1200"),
    "refused/only-a-bom.csv": text(
        "utf-8-sig",
        NONE,
    ),
    "refused/only-blank-lines.csv": text("utf-8", CRLF, "", " \t", ",,,", "\xa0"),
    "refused/only-a-sep-line.csv": text("utf-8", CRLF, "sep=;"),
}

# --- Workbooks ----------------------------------------------------------------------------------------------------------

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

PLAIN, GROUPED, DATE, MOMENT, CENTS, DURATION = range(6)
"""The styles of our workbooks: as it is, #,##0, a date, a date and a time, 0.00, and [h]:mm."""
STYLES = (
    f'<styleSheet xmlns="{SPREADSHEET}"><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm"/></numFmts>'
    '<cellXfs count="6">'
    + "".join(f'<xf numFmtId="{number}" applyNumberFormat="1"/>' for number in (0, 3, 14, 22, 2, 164))
    + "</cellXfs></styleSheet>"
)


@dataclass(frozen=True)
class Cell:
    """A cell that is no plain text or number: its value as a workbook writes it, its kind, its style, its formula."""

    value: str = ""
    kind: str = "n"
    style: int = PLAIN
    formula: str = ""


@dataclass(frozen=True)
class Rich:
    """A text in several pieces, in the XML of a workbook."""

    xml: str


Value = str | int | float | bool | Cell | Rich | None
"""None is a cell that is not there."""


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, and its rows by their number, from 1."""

    name: str
    rows: Mapping[int, Sequence[Value]]
    state: str = ""


@dataclass
class _Workbook:
    """Gathers the texts of its cells while its sheets are written; with `inline` they stand in the cells themselves."""

    sheets: Sequence[Sheet]
    inline: bool = False
    texts: dict[str, int] = field(default_factory=dict)

    def parts(self) -> Iterator[tuple[str, str]]:
        """Return the parts of the archive: name and content."""
        numbered = list(enumerate(self.sheets, 1))
        kinds = [(f"xl/worksheets/sheet{number}.xml", "worksheet") for number, _ in numbered]
        kinds += [("xl/styles.xml", "styles"), ("xl/sharedStrings.xml", "sharedStrings")]
        yield "[Content_Types].xml", _content_types(kinds)
        yield "_rels/.rels", _relations([("xl/workbook.xml", "officeDocument")])
        yield "xl/_rels/workbook.xml.rels", _relations([(name.removeprefix("xl/"), kind) for name, kind in kinds])
        entries = "".join(
            f'<sheet name="{escape(sheet.name)}" sheetId="{number}"{_attribute("state", sheet.state)} r:id="rId{number}"/>'
            for number, sheet in numbered
        )
        yield (
            "xl/workbook.xml",
            f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{OFFICE}"><sheets>{entries}</sheets></workbook>',
        )
        for number, sheet in numbered:
            rows = "".join(self._row(row, values) for row, values in sheet.rows.items())
            content = f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{rows}</sheetData></worksheet>'
            yield f"xl/worksheets/sheet{number}.xml", content
        yield "xl/styles.xml", STYLES
        items = "".join(f"<si>{text}</si>" for text in self.texts)
        yield "xl/sharedStrings.xml", f'<sst xmlns="{SPREADSHEET}" uniqueCount="{len(self.texts)}">{items}</sst>'

    def _row(self, row: int, values: Sequence[Value]) -> str:
        cells = "".join(self._cell(f"{_letters(place)}{row}", value) for place, value in enumerate(values))
        return f'<row r="{row}">{cells}</row>'

    def _cell(self, place: str, value: Value) -> str:
        if value is None:
            return ""
        if isinstance(value, Rich):
            return f'<c r="{place}" t="s"><v>{self._number(value.xml)}</v></c>'
        if isinstance(value, str):
            text = f'<t xml:space="preserve">{escape(value)}</t>'
            if self.inline:
                return f'<c t="inlineStr"><is>{text}</is></c>'
            return f'<c r="{place}" t="s"><v>{self._number(text)}</v></c>'
        if isinstance(value, bool):
            value = Cell(str(int(value)), "b")
        if not isinstance(value, Cell):
            value = Cell(str(value))
        formula = f"<f>{escape(value.formula)}</f>" if value.formula else ""
        shown = f"<v>{escape(value.value)}</v>" if value.value else ""
        style = _attribute("s", str(value.style) if value.style else "")
        kind = _attribute("t", value.kind if value.kind != "n" else "")
        reference = "" if self.inline else _attribute("r", place)
        return f"<c{reference}{style}{kind}>{formula}{shown}</c>"

    def _number(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


def parts(*sheets: Sheet, inline: bool = False) -> dict[str, str]:
    """Return the parts of a workbook as Excel writes it; `inline` as other programs do, with no place beside each cell."""
    return {name: XML + content for name, content in _Workbook(sheets, inline).parts()}


def workbook(*sheets: Sheet, inline: bool = False) -> bytes:
    """Return a workbook, packed."""
    return archive(parts(*sheets, inline=inline))


def archive(members: Mapping[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive, the same each time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return packed.getvalue()


def _attribute(name: str, value: str) -> str:
    return f' {name}="{value}"' if value else ""


def _letters(place: int) -> str:
    first, last = divmod(place, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + last)


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (target, kind) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{entries}</Relationships>'


def _content_types(kinds: Sequence[tuple[str, str]]) -> str:
    of_sheets = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    entries = "".join(
        f'<Override PartName="/{name}" ContentType="{of_sheets}.{kind}+xml"/>'
        for name, kind in [("xl/workbook.xml", "sheet.main"), *kinds]
    )
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{entries}</Types>"
    )


HEADING = ("Name", "Email", "Points")
MIRA: Sequence[Value] = ("Mira Holt", "mira@example.com", 1200)
JONAS: Sequence[Value] = ("Jonas Vale", "jonas@example.net", 80)
PIA: Sequence[Value] = ("Pia Sommer", "pia@example.org", 5)

POINTS_OF_A_WORKBOOK: Sequence[Value] = (
    Cell("52620", style=GROUPED),
    Cell("400", style=CENTS),
    120.5,
    Cell("1E+3"),
    Cell("0.30000000000000004"),
    -5,
    1_000_000_000,
    True,
    Cell("#N/A", "e"),
    Cell("150", formula="SUM(A1:A9)"),
    Cell(formula="VLOOKUP(B13,Points!A:B,2,0)"),
    None,
    Cell("1200", style=DATE),
    Cell("twelve", "str", formula="T(A1)"),
    " 77 ",
)
"""Ways in which a workbook has points, one customer each, from row 2 on."""

WORKBOOKS: Mapping[str, bytes] = {
    "workbooks/excel.xlsx": workbook(
        Sheet("Customers", {1: HEADING, 2: MIRA, 3: JONAS, 4: PIA}), Sheet("Notes", {1: ("nothing here",)})
    ),
    "workbooks/called-csv.csv": workbook(Sheet("Sheet1", {1: HEADING, 2: MIRA, 3: JONAS})),
    "workbooks/first-sheet-empty.xlsx": workbook(
        Sheet("Sheet1", {}), Sheet("Blank", {1: ("", " ")}), Sheet("Members", {1: HEADING, 2: MIRA, 3: JONAS})
    ),
    "workbooks/hidden-sheet-first.xlsx": workbook(
        Sheet("Lists", {1: ("Tier", "Factor"), 2: ("Gold", 2)}, "hidden"),
        Sheet("Members", {1: HEADING, 2: MIRA, 3: JONAS}),
    ),
    "workbooks/chosen-sheet.xlsx": workbook(
        Sheet("2030", {1: HEADING, 2: ("Mira Holt", "mira@example.com", 3)}),
        Sheet("2031", {1: HEADING, 2: MIRA, 3: JONAS}),
    ),
    "workbooks/chosen-sheet-by-number.xlsx": workbook(
        Sheet("2030", {1: HEADING, 2: ("Mira Holt", "mira@example.com", 3)}),
        Sheet("2031", {1: HEADING, 2: MIRA, 3: JONAS}),
    ),
    "workbooks/title-and-blank-rows.xlsx": workbook(
        Sheet(
            "Report",
            {
                1: ("Loyalty report", None, None),
                2: (None, None, Cell("46000", style=DATE)),
                4: HEADING,
                5: MIRA,
                6: (Cell(), Cell(), Cell()),
                7: ("", " ", ""),
                9: JONAS,
                12: ("Pia Sommer", "pia@example.org", "five"),
            },
        )
    ),
    "workbooks/dates-and-times.xlsx": workbook(
        Sheet(
            "Members",
            {
                1: ("Email", "Points", "Joined", "Last visit", "Hours"),
                2: (
                    "mira@example.com",
                    1200,
                    Cell("47119", style=DATE),
                    Cell("47969.5625", style=MOMENT),
                    Cell("1.5", style=DURATION),
                ),
                3: ("jonas@example.net", 80, Cell("2031-03-01", "d"), Cell("0.25", style=MOMENT), None),
            },
        )
    ),
    "workbooks/texts-within-cells.xlsx": workbook(
        Sheet("export", {1: HEADING, 2: ("Mira Holt", "mira@example.com", "1200"), 3: JONAS}), inline=True
    ),
    "workbooks/texts-in-pieces.xlsx": workbook(
        Sheet(
            "会員",
            {
                1: (Rich("<r><t>氏名</t></r><rPh sb='0' eb='2'><t>シメイ</t></rPh>"), "メールアドレス", "ポイント"),
                2: (
                    Rich("<r><t>水野</t></r><r><rPr><b/></rPr><t xml:space='preserve'> さくら</t></r>"),
                    "sakura@example.com",
                    1200,
                ),
                3: ("a_x000D_b", "kenta@example.net", 80),
            },
        )
    ),
    "workbooks/points-of-all-kinds.xlsx": workbook(
        Sheet(
            "Members",
            {1: ("Email", "Points")}
            | {row: (f"customer{row}@example.com", value) for row, value in enumerate(POINTS_OF_A_WORKBOOK, 2)},
        )
    ),
    "workbooks/text-that-looks-grouped.xlsx": workbook(
        Sheet(
            "Members",
            {
                1: ("Email", "Points"),
                2: ("mira@example.com", Cell("1250", style=GROUPED)),
                3: ("jonas@example.net", "52,620"),
            },
        )
    ),
    "workbooks/text-that-looks-grouped-beside-fractions.xlsx": workbook(
        Sheet("Members", {1: ("Email", "Points"), 2: ("mira@example.com", 120.5), 3: ("jonas@example.net", "52,620")})
    ),
    "workbooks/cells-that-are-not-there.xlsx": workbook(
        Sheet(
            "Members",
            {
                1: ("Email", None, "Points", "Note"),
                2: ("mira@example.com", None, 1200),
                3: ("jonas@example.net",),
                4: (None, "x", 80, "no address"),
                5: ("pia@example.org", None, 5, None, None, "too far"),
            },
        )
    ),
    "workbooks/delimiters-quotes-line-breaks.xlsx": workbook(
        Sheet(
            "Members",
            {
                1: HEADING,
                2: ('Holt, Mira; "Mimi"', "mira@example.com", 1200),
                3: ("Jonas\nVale\t|", "jonas@example.net", 80),
                4: ('"Pia', "pia@example.org", 5),
            },
        )
    ),
    "workbooks/no-heading.xlsx": workbook(Sheet("Sheet1", {1: MIRA, 2: JONAS, 3: PIA})),
    "workbooks/only-a-heading.xlsx": workbook(Sheet("Sheet1", {1: HEADING})),
    "systems/k3-imagine-customers.xlsx": workbook(
        Sheet(
            "Customers",
            {
                1: (
                    "External Unique ID",
                    "First Name",
                    "Last Name",
                    "Email",
                    "Phone",
                    "Loyalty Points",
                    "Currently Available",
                    "Not Yet Available",
                    "Total Used",
                ),
                2: ("K3-0001", "Mira", "Holt", "mira@example.com", "+45 00000001", 1500, 1200, 300, 4000),
                3: ("K3-0002", "Jonas", "Vale", "jonas@example.net", "+45 00000002", 80, 80, 0, 0),
                4: ("K3-0003", "Pia", "Sommer", "pia@example.org", None, 0, 0, 0, 25),
            },
        )
    ),
    "refused/workbook-of-101-columns.xlsx": workbook(
        Sheet(
            "Wide",
            {1: ["Email", "Points", *(f"Field {n}" for n in range(3, 102))], 2: ["mira@example.com", *([1] * 100)]},
        )
    ),
    "refused/workbook-of-nothing.xlsx": workbook(Sheet("Sheet1", {}), Sheet("Sheet2", {1: (" ",)})),
    "refused/sheet-that-is-not-there.xlsx": workbook(
        Sheet("2030", {1: HEADING, 2: MIRA}), Sheet("2031", {1: HEADING, 2: JONAS})
    ),
    "refused/workbook-cut-off.xlsx": archive(
        parts(Sheet("Sheet1", {1: HEADING, 2: MIRA, 3: JONAS})), zipfile.ZIP_STORED
    )[:-400],
    "refused/archive-of-a-csv.zip": archive({"customers.csv": "Email,Points\nmira@example.com,1200\n"}),
    "refused/word-document.docx": archive(
        {
            "[Content_Types].xml": XML + "<Types/>",
            "_rels/.rels": XML + _relations([("word/document.xml", "officeDocument")]),
            "word/document.xml": XML + "<document><body><p>Email Points</p></body></document>",
        }
    ),
    "refused/libreoffice-sheet.ods": archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": XML + "<document-content/>",
            "META-INF/manifest.xml": XML + "<manifest/>",
        }
    ),
    "refused/apple-numbers.numbers": archive({"Index/Document.iwa": "iwa", "Metadata/Properties.plist": "plist"}),
    "refused/binary-workbook.xlsb": archive(
        {
            "[Content_Types].xml": XML + "<Types/>",
            "_rels/.rels": XML + _relations([("xl/workbook.bin", "officeDocument")]),
            "xl/workbook.bin": "bin",
        }
    ),
}

# --- Bytes --------------------------------------------------------------------------------------------------------------


def compound_file(*streams: str) -> bytes:
    """Return a compound file, as Office before 2007 wrote them, and as it still does with a password: empty streams."""
    end, free, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<I", 0) + b"\xff" * 432
    table = struct.pack("<III", 0xFFFFFFFD, end, free).ljust(512, b"\xff")
    entries = b""
    for number, name in enumerate(("Root Entry", *streams)):
        spelled = name.encode("utf-16-le") + b"\0\0"
        entries += spelled.ljust(64, b"\0") + struct.pack("<HBB", len(spelled), 2 if number else 5, 1)
        child = 1 if streams and not number else none
        entries += struct.pack("<III", none, none, child).ljust(48, b"\0") + struct.pack("<IQ", end, 0)
    return (head[:512] + table + entries).ljust(4096, b"\0")


def png() -> bytes:
    """Return a picture of one dot."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", bytes.fromhex("789c63000000010001"))
        + chunk(b"IEND", b"")
    )


BYTES: Mapping[str, bytes] = {
    "encodings/utf-16-le-cut-within-the-last-character.txt": (
        "\ufeffEmail\tPoints\tName\r\nmira@example.com\t1200\tMira Holt\r\njonas@example.net\t80\tJonas Vale\r\n"
        "pia@example.org\t5\tPia"
    ).encode("utf-16-le")[:-1],
    "refused/empty.csv": b"",
    "refused/report.pdf": (
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
    ),
    "refused/picture.png": png(),
    "refused/photo.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00C\x00"
    + bytes(range(1, 65))
    + b"\xff\xd9",
    "refused/old-workbook.xls": compound_file("Workbook"),
    "refused/workbook-with-a-password.xlsx": compound_file("EncryptionInfo", "EncryptedPackage"),
    "refused/packed.csv.gz": gzip.compress(b"Email,Points\nmira@example.com,1200\n", 0, mtime=0),
    "refused/till.sqlite": b"SQLite format 3\0"
    + struct.pack(">HBBBBBBII", 4096, 1, 1, 0, 64, 32, 32, 1, 1)
    + bytes(72),
    "refused/program.exe": b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"
    + bytes((37 * n + n // 7) % 256 for n in range(2_000)),
}


def written() -> Mapping[str, bytes]:
    """Return the files, by their place in tests/files."""
    return {**TEXTS, **WORKBOOKS, **BYTES}


if __name__ == "__main__":
    for name, content in written().items():
        place = FILES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
