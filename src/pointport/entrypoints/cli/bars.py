"""The only file that draws: progress bars, tables and colours. Bars are silent when the output is no terminal."""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

BLOCK_BYTES = 256 * 1024

PLAIN_COLUMNS = 160
"""How wide tables may be where there is no terminal to measure."""

FACT_COLUMNS_MIN = 20

out = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
err = Console(stderr=True, highlight=False)


def is_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def say(text: str = "") -> None:
    """Print a line for people; `[bold]…[/]` and the like are styles. The terminal breaks it, so that it can be copied."""
    out.print(text, soft_wrap=True)


def plain(text: Any) -> str:
    """Return text that is shown as it is, whatever is in it."""
    return escape(str(text))


def say_json(value: Any) -> None:
    """Print JSON for programs, and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print an error."""
    err.print(f"[bold red]Error:[/] {escape(text)}", soft_wrap=True)


def warn(text: str) -> None:
    """Print on standard error what is no error, and is to be known."""
    err.print(f"[yellow]{escape(text)}[/]", soft_wrap=True)


def ask(question: str) -> bool:
    """Ask a person; whoever does not answer has said no."""
    import typer

    try:
        return typer.confirm(question)
    except typer.Abort:
        out.print()
        return False


def moment(timestamp: str) -> str:
    """Return a timestamp of the API as people read it, in UTC to the second."""
    return timestamp[:19].replace("T", " ")


def table(
    headings: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Sequence[int] = (), whole: Sequence[int] = ()
) -> None:
    """Print a table; the columns named in `numbers` are set to the right, those in `whole` are never broken."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for index, heading in enumerate(headings):
        drawn.add_column(
            heading,
            justify="right" if index in numbers else "left",
            overflow="fold",
            no_wrap=index in numbers or index in whole,
        )
    for row in rows:
        drawn.add_row(*(f"{cell:,}" if isinstance(cell, int) else plain(cell) for cell in row))
    out.print(drawn)


def facts(told: Iterable[tuple[str, str]]) -> None:
    """Print what there is to say of some things, each beside its name; a name that comes again is not repeated."""
    listed = list(told)
    indent = max((len(name) for name, _ in listed), default=0) + 2
    # Only a person reads better what is broken.
    width = max(out.width - indent, FACT_COLUMNS_MIN) if out.is_terminal else sys.maxsize
    last = ""
    for name, text in listed:
        for line in textwrap.wrap(text, width, break_on_hyphens=False) or [""]:
            shown = "" if name == last else name
            say(f"[bold]{plain(shown.ljust(indent))}[/]{plain(line)}")
            last = name


@contextmanager
def reading(file: BinaryIO, byte_count: int, title: str) -> Iterator[Iterator[bytes]]:
    """Give the blocks of a file, with a bar that moves as they are taken."""
    from rich.progress import DownloadColumn

    with _progress(DownloadColumn()) as progress:
        task = progress.add_task(title, total=byte_count)

        def blocks() -> Iterator[bytes]:
            while block := file.read(BLOCK_BYTES):
                yield block
                progress.advance(task, len(block))

        yield blocks()


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """Show that something is going on whose length nobody knows."""
    if not err.is_terminal:
        yield
        return
    with err.status(title):
        yield


class RowsBar:
    """A bar that is told how many rows are done, of how many."""

    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task

    def show(self, done: int, total: int | None) -> None:
        """Move the bar; without a total it only shows that something moves."""
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def rows(title: str) -> Iterator[RowsBar]:
    """Draw a bar that counts rows."""
    from rich.progress import TextColumn, TimeRemainingColumn

    with _progress(TextColumn("{task.completed:,.0f} rows"), TimeRemainingColumn()) as progress:
        yield RowsBar(progress, progress.add_task(title, total=None))


def _progress(*columns: Any) -> "Progress":
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
