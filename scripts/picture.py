"""Draws what `make demo` printed as docs/assets/demo.svg: `make demo | python scripts/picture.py`."""

import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 132
WANTED = re.compile(r"(\$ pointport import .*?)(?=\n\$ pointport ledger)", re.DOTALL)

if __name__ == "__main__":
    found = WANTED.search(sys.stdin.read())
    if found is None:
        sys.exit("no import in what was printed")
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        for line in found[1].rstrip().splitlines():
            style = "bold" if line.startswith(("$", "Outcome", "Problem", "The first", "Site")) else ""
            console.print(Text(line, style=style))
        drawn = console.export_svg(title="make demo")
    # Nothing is fetched from elsewhere when the picture is looked at.
    Path("docs/assets/demo.svg").write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")
