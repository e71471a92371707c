"""How far an import is, in numbers and in words."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Progress:
    """Rows with an outcome, of all rows, since a moment."""

    done: int
    total: int
    started: datetime | None
    now: datetime

    @property
    def rate_per_second(self) -> float | None:
        """Rows a second so far; None before there is anything to divide."""
        if self.started is None or self.done == 0:
            return None
        seconds = (self.now - self.started).total_seconds()
        return self.done / seconds if seconds > 0 else None

    @property
    def eta_seconds(self) -> float | None:
        """Seconds to the end at this rate; None while that cannot be told."""
        rate = self.rate_per_second
        return None if rate is None else (self.total - self.done) / rate

    def __str__(self) -> str:
        share = f" ({self.done * 100 // self.total} %)" if self.total else ""
        return f"{self.done:,} of {self.total:,} rows{share}"
