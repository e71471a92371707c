"""The main job on sample data: `make demo`.

Makes 5,000 contacts and a file of 5,000 rows with every kind of problem in it (always the same ones), then does what an
engineer of a shop would do, by the `pointport` command alone. Everything lies in the folder `.demo`.
"""

import csv
import os
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SEED = 2026
CUSTOMERS = 5_000
FOLDER = Path(".demo")
FIRST_NAMES = (
    "Ada",
    "Bela",
    "Chiyo",
    "Dario",
    "Elif",
    "Femi",
    "Greta",
    "Hugo",
    "Inés",
    "Jonas",
    "Kalinda",
    "Liam",
    "Mira",
)
LAST_NAMES = (
    "Abebe",
    "Bauer",
    "Costa",
    "Diaz",
    "Eriksen",
    "Fontaine",
    "Huang",
    "Ito",
    "Kovač",
    "Lopez",
    "Müller",
    "Novak",
)

Cells = list[str]


def main() -> None:
    """Make the files and run the commands."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    contacts, points = FOLDER / "contacts.csv", FOLDER / "points.csv"
    emails = write_contacts(contacts)
    write_points(points, emails)
    os.environ["POINTPORT_DATA_DIR"] = str(FOLDER / "data")
    pointport("site", "create", "Demo shop")
    pointport("contacts", "load", str(contacts))
    pointport("import", str(points), "--yes", codes={1})
    pointport("ledger", "verify")
    pointport("account", "show", emails[0])


def pointport(*arguments: str, codes: frozenset[int] | set[int] = frozenset({0})) -> None:
    """Run the command as it would be typed; codes are the exit codes that are right here."""
    command = f"$ pointport {shlex.join(arguments)}"
    print(f"\n\033[1m{command}\033[0m" if sys.stdout.isatty() else f"\n{command}", flush=True)
    done = subprocess.run([sys.executable, "-m", "pointport", *arguments], check=False)
    if done.returncode not in codes:
        sys.exit(done.returncode)


def write_contacts(path: Path) -> list[str]:
    """Write the customers of a shop and return their addresses."""
    chance = random.Random(SEED)
    rows = []
    for number in range(1, CUSTOMERS + 1):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        rows.append([f"customer{number}@example.com", first, last])
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Email", "First name", "Last name"], *rows])
    return [email for email, _, _ in rows]


def write_points(path: Path, emails: list[str]) -> None:
    """Write a file of balances as shops have them: mostly right, here and there wrong in every way there is."""
    chance = random.Random(SEED)
    rows = [[email.upper() if chance.random() < 0.1 else email, str(chance.randint(0, 5_000))] for email in emails]
    twins = [[f" {rows[7][0]} ", "250"], [f"Customer <{rows[8][0]}>", "10"]]
    spoilt: list[tuple[int, Callable[[Cells], Cells]]] = [
        (9, lambda row: row[:1]),
        (12, lambda row: ["", row[1]]),
        (11, lambda row: [row[0].replace("@", " at "), row[1]]),
        (10, lambda row: [row[0], ""]),
        (9, lambda row: [row[0], "none"]),
        (8, lambda row: [row[0], "52,620"]),
        (4, lambda row: [row[0], "99.5"]),
        (3, lambda row: [row[0], "7,5"]),
        (6, lambda row: [row[0], "-40"]),
        (3, lambda row: [row[0], "4111111111111111"]),
        (15, lambda row: [f"stranger-{row[0].lower()}", row[1]]),
        (5, lambda row: [row[0], "52", "620"]),
        (2, lambda row: [f'"{row[0]}', row[1]]),
        (1, lambda row: [row[0], "9" * 40_000]),
    ]
    places = iter(chance.sample(range(20, len(rows)), sum(count for count, _ in spoilt)))
    for count, spoil in spoilt:
        for _ in range(count):
            place = next(places)
            rows[place] = spoil(rows[place])
    for twin in twins:
        rows[next(iter(chance.sample(range(20, len(rows)), 1)))] = twin
    undecodable = chance.randrange(3_000, 4_000)
    with path.open("wb") as file:
        # With the mark that Excel writes: else one bad byte among plain letters would be a letter of an older encoding.
        file.write("Email,Points balance\r\n".encode("utf-8-sig"))
        for place, row in enumerate(rows):
            line = ",".join(f'"{cell}"' if "," in cell else cell for cell in row).encode()
            file.write((line[:3] + b"\xff" + line[3:] if place == undecodable else line) + b"\r\n")


if __name__ == "__main__":
    main()
