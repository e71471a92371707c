"""Any table, written in any dialect and encoding of design.md 4, reads back as the same table, through detection."""

from collections.abc import Sequence

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from pointport.imports.reading import files, learning
from pointport.settings import Settings

SETTINGS = Settings()
Table = list[list[str]]

ANY_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from(",;\t|\"'\n\r\\ \u00a0\u200f😀שלום"), max_size=20
)
WORDS = {
    "windows-1252": "Müller Straße José García Núñez François Lefèvre Søren Ærø Zoë Göteborg Muñoz Peña Jürgen Bjørn Håkan",
    "iso-8859-15": "Müller Straße José García Núñez François Lefèvre Søren 5€ Zoë Göteborg Muñoz Peña Jürgen Bjørn Håkan",
    "windows-1250": "Łukasz Małgorzata Wiśniewska Jiří Dvořák Šťastný Gábor Szűcs Őri Żółty Gęś Świątek Křížová Błażej",
    "windows-1251": "Иван Петров Мария Кузнецова Ёлкин Сергей Смирнова Дмитрий Наталья Щербаков Юлия Цветкова Яков",
    "cp932": "山田太郎 佐藤花子 鈴木一郎 高橋美咲 田中さくら ポイント 東京都 大阪府 会員様 カタカナ",
    "gb18030": "张伟 王芳 李娜 刘洋 陈静 杨帆 赵敏 北京市 上海市 会员 积分 电子邮件",
}


@st.composite
def tables(draw: st.DrawFn, text: st.SearchStrategy[str], heading: Sequence[str]) -> Table:
    """A table with headings, an address and a number in each row, and two columns of anything."""
    rows = draw(st.lists(st.tuples(text, st.integers(0, 999_999), text), min_size=2, max_size=12))
    return [list(heading)] + [
        [first, f"customer{number}@example.com", str(points), last] for number, (first, points, last) in enumerate(rows)
    ]


def named(words: Sequence[str]) -> Table:
    """A table of customers with these names; one word alone may be a word in two encodings."""
    pairs = zip(words[::2], words[1::2], strict=False)
    return [["Name", "Email", "Points", "Note"]] + [
        [f"{first} {last}", f"customer{number}@example.com", str(number), ""]
        for number, (first, last) in enumerate(pairs)
    ]


def written(table: Table, delimiter: str, quote: str, line_end: str, *, escaped: bool, always: bool) -> str:
    """Write a table by the rules: what holds a delimiter, a quote or a line end stands between quotes."""

    def cell(text: str) -> str:
        if not always and not any(character in text for character in (delimiter, quote, "\n", "\r")):
            return text
        inner = text.replace("\\", "\\\\").replace(quote, f"\\{quote}") if escaped else text.replace(quote, quote * 2)
        return f"{quote}{inner}{quote}"

    return "".join(delimiter.join(map(cell, row)) + line_end for row in table)


def read_back(content: bytes) -> Table:
    """Learn a file, and read it as it was learned."""
    learned = learning.learn(lambda: [content], SETTINGS)
    rows = list(files.read([content], learned.dialect, SETTINGS))
    assert [fault for _, _, fault in rows] == [None] * len(rows)
    assert len(rows) == learned.row_count
    return [list(learned.header), *(cells for _, cells, _ in rows)]


DIALECTS = st.tuples(
    st.sampled_from(",;\t|"), st.sampled_from("\"'"), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)
SLOW = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(
    tables(ANY_TEXT, ("Name", "Email", "Points", "Note")),
    DIALECTS,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_any_table_reads_back_as_it_was_written(
    table: Table, dialect: tuple[str, str, str, bool], encoding: str
) -> None:
    delimiter, quote, line_end, always = dialect
    # Where only some cells are quoted, a value that begins with the other kind of quote cannot be told from a quoted one.
    other = {"'": '"', '"': "'"}[quote]
    assume(always or not any(cell.strip().startswith(other) for row in table for cell in row))
    text = written(table, delimiter, quote, line_end, escaped=False, always=always)
    note(text)
    assert read_back(text.encode(encoding)) == table


@SLOW
@given(
    st.sampled_from(list(WORDS)).flatmap(
        lambda encoding: st.tuples(
            st.just(encoding),
            st.permutations(WORDS[encoding].split()).map(named),
        )
    ),
    DIALECTS,
)
def test_names_of_all_countries_read_back_from_the_encodings_of_theirs(
    written_in: tuple[str, Table], dialect: tuple[str, str, str, bool]
) -> None:
    encoding, table = written_in
    delimiter, quote, line_end, always = dialect
    text = written(table, delimiter, quote, line_end, escaped=False, always=always)
    assert read_back(text.encode(encoding)) == table
