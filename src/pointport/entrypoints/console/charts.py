"""Charts as SVG, drawn here: a bar for each number, its words above it.

Colours come from the style sheet by class. What a chart shows is said in its label, too, and the page has the same numbers
as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import svg
from babel import Locale
from markupsafe import Markup, escape

from pointport.entrypoints.console import wording

WIDTH = 420
ROW = 38
TEXT_LINE = 14
BAR_TOP = 20
BAR_HEIGHT = 10
ROUND = 3

Kind = Literal["", "down", "bad", "soft"]


@dataclass(frozen=True)
class Bar:
    """A number, what it counts in words, and its kind, which is a class of the style sheet."""

    label: str
    count: int
    kind: Kind = ""


def bars(title: str, shown: Sequence[Bar], locale: Locale) -> Markup:
    """Return a chart of some numbers, the longest bar over the whole width."""
    largest = max((bar.count for bar in shown), default=0)
    told = "; ".join(f"{bar.label}: {wording.number(bar.count, locale)}" for bar in shown)
    elements: list[svg.Element] = []
    for index, bar in enumerate(shown):
        top = index * ROW
        # What is there is seen, be it one of a million.
        length = max(WIDTH * bar.count // largest, ROUND) if bar.count else 0
        elements += [
            svg.Text(x=0, y=top + TEXT_LINE, text=str(escape(bar.label))),
            svg.Text(
                x=WIDTH, y=top + TEXT_LINE, text=wording.number(bar.count, locale), text_anchor="end", class_=["count"]
            ),
            svg.Rect(x=0, y=top + BAR_TOP, width=WIDTH, height=BAR_HEIGHT, rx=ROUND, class_=["groove"]),
        ]
        if length:
            classes = ["bar", bar.kind] if bar.kind else ["bar"]
            elements.append(svg.Rect(x=0, y=top + BAR_TOP, width=length, height=BAR_HEIGHT, rx=ROUND, class_=classes))
    drawing = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, max(len(shown), 1) * ROW),
        class_=["chart"],
        extra={"role": "img", "aria-label": str(escape(f"{title}. {told}"))},
        elements=[svg.Title(text=str(escape(title))), *elements],
    )
    return Markup(drawing.as_str())  # noqa: S704  (its texts are escaped above)


def changes(histogram: Sequence[dict[str, int | None]], locale: Locale) -> list[Bar]:
    """Return the bars of how many balances change by how much, without the empty ends."""
    shown = [_change(step, locale) for step in histogram]
    filled = [index for index, bar in enumerate(shown) if bar.count]
    return shown[filled[0] : filled[-1] + 1] if filled else []


def _change(step: dict[str, int | None], locale: Locale) -> Bar:
    low, high, count = step["from"], step["to"], step["count"] or 0

    def written(value: int) -> str:
        return wording.number(abs(value), locale)

    if low is None:
        return Bar(f"More than {written((high or 0) + 1)} less", count, "down")
    if high is None:
        return Bar(f"More than {written(low - 1)} more", count)
    if low == high == 0:
        return Bar("No change", count, "soft")
    if high <= 0:
        return Bar(f"{written(high)} to {written(low)} less", count, "down")
    return Bar(f"{written(low)} to {written(high)} more", count)
