"""`pointport ledger verify`: the proof that a site's points add up, or that a certificate still holds."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pointport.entrypoints.cli import bars
from pointport.entrypoints.cli.client import OURS, CommandError, Exit, connect
from pointport.entrypoints.cli.options import Json, Site

application = typer.Typer(name="ledger", help="The ledger of points.", no_args_is_help=True)

STANDARD_STREAM = Path("-")
CERTIFICATE_BYTES_MAX = 512 * 1024
"""A certificate has a few thousand."""
SIGNATURE_PROBLEMS = {
    *("SIGNATURE_MALFORMED", "SIGNATURE_OF_ANOTHER_KIND", "SIGNATURE_OF_UNKNOWN_KEY", "SIGNATURE_FORGED"),
    "CERTIFICATE_ALTERED",
}
"""With these the values were compared all the same."""


@application.command("verify")
def verify(
    context: typer.Context,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Verify this certificate instead, as `imports certificate` saved it; `-`: standard input.",
        ),
    ] = None,
    site: Site = None,
    as_json: Json = False,
) -> None:
    """Prove that balances equal the sums of their entries and imports their rows; exit code 1 when not."""
    if certificate is not None:
        _verify_certificate(context, certificate, site, as_json)
    with connect(context, site=site) as client, bars.waiting("Verifying the ledger"):
        found = client.get(f"{OURS}/ledger/verify")
    if as_json:
        bars.say_json(found)
    elif found["sound"]:
        bars.say(
            "[green]The ledger is sound:[/] every balance is the sum of its entries, every import equals its rows."
        )
    else:
        for finding in found["findings"]:
            bars.say(f"[bold red]{finding['proof']}[/]: {finding['count']:,} cases")
            for example in finding["examples"]:
                bars.say(f"  {bars.plain(example)}")
    raise typer.Exit(Exit.OK if found["sound"] else Exit.ROWS_FAILED)


def _verify_certificate(context: typer.Context, file: Path, site: str | None, as_json: bool) -> None:
    """Tell whether a certificate holds, and end the command."""
    given = _read(file)
    with connect(context, site=site) as client, bars.waiting("Verifying the certificate"):
        found = client.post(f"{OURS}/ledger/verify-certificate", given)
    if as_json:
        bars.say_json(found)
    else:
        _tell(found)
    raise typer.Exit(Exit.OK if found["sound"] else Exit.ROWS_FAILED)


def _tell(found: dict[str, Any]) -> None:
    for problem in found["problems"]:
        bars.say(f"[bold red]{problem['code']}[/]: {bars.plain(problem['message'])}")
    if found["differences"]:
        bars.say("[bold red]The ledger says something else than the certificate:[/]")
        bars.table(
            ["Value", "Certificate", "Ledger"],
            [(one["name"], _shown(one, "certificate"), _shown(one, "ledger")) for one in found["differences"]],
        )
    if found["sound"]:
        bars.say(
            f"[green]The certificate is sound:[/] the site signed it (key {found['keyId']}), and import"
            f" {found['loyaltyImportId']} stands in the ledger exactly as it says."
        )
    elif not found["differences"] and {problem["code"] for problem in found["problems"]} <= SIGNATURE_PROBLEMS:
        bars.say("Its values are those of the ledger; it is the signature that does not hold.")
    for remark in found["remarks"]:
        bars.say(f"[bold]Remark:[/] {bars.plain(remark)}")


def _shown(sides: dict[str, Any], side: str) -> str:
    if side not in sides:
        return "(nothing)"
    value = sides[side]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(file: Path) -> dict[str, Any]:
    """Return the certificate and its signature from a file. Raises CommandError for anything else."""
    name = "standard input" if file == STANDARD_STREAM else str(file)
    try:
        with sys.stdin.buffer if file == STANDARD_STREAM else file.open("rb") as raw:
            content = raw.read(CERTIFICATE_BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > CERTIFICATE_BYTES_MAX:
        raise CommandError(f"{name} is no certificate: it is larger than {CERTIFICATE_BYTES_MAX:,} bytes")
    if not content.strip():
        raise CommandError(f"{name} is empty")
    try:
        given = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        ended = isinstance(error, json.JSONDecodeError) and (
            error.msg.startswith("Unterminated string") or not error.doc[error.pos :].strip()
        )
        told = "it is cut off" if ended else "it is no JSON"
        raise CommandError(
            f"{name} is no certificate: {told} ({error}); save it again with `pointport imports certificate ID`"
        ) from error
    match given:
        case {"certificate": dict(certificate), "signature": str(signature)}:
            return {"certificate": certificate, "signature": signature}
    raise CommandError(
        f'{name} is no certificate: it must have the members "certificate" and "signature", as'
        " `pointport imports certificate ID` saves them"
    )


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what could be read as two things: of members of the same name only the last is verified."""
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        doubled = next(name for name in names if names.count(name) > 1)
        raise CommandError(f'this is no certificate as it was saved: it has "{doubled}" twice')
    return found
