"""How a file is written, put right by its owner: a new import of the same file, read in that way."""

from http import HTTPStatus

from starlette.responses import Response

from pointport.entrypoints.console import import_page
from pointport.entrypoints.console.pages import ROOT, Visit, page, redirect
from pointport.errors import InvalidRequest
from pointport.imports import steps
from pointport.imports.reading import overrides

HEADING_LINE_MAX = 1_000
FIELDS = ("encoding", "delimiter", "quote", "heading_line", "sheet")


@page("imports")
def read_again(visit: Visit) -> Response:
    """Make an import of the same file that is read as the form says."""
    found = steps.find(visit.app, visit.site_id, visit.id("id"))
    said = {name: visit.form.get(name, "") for name in FIELDS}
    texts = {name: value if isinstance(value, str) else "" for name, value in said.items()}
    line = texts["heading_line"].strip()
    wrong: dict[str, str] = {}
    if line and not (line.isascii() and line.isdigit() and int(line[:6]) <= HEADING_LINE_MAX):
        wrong["heading_line"] = f"Write the number of the line, from 1 to {HEADING_LINE_MAX}, or 0 for no headings."
    sheet = texts["sheet"].strip()
    if len(sheet) > overrides.SHEET_CHARACTERS_MAX or "\0" in sheet:
        wrong["sheet"] = "Write the name of the sheet as it stands on its tab, or its number."
    if not wrong:
        try:
            reading = overrides.reading(
                encoding_name=texts["encoding"] or None,
                delimiter=texts["delimiter"] or None,
                quote=texts["quote"] or None,
                heading_line=int(line) if line else None,
                sheet=sheet or None,
            )
        except InvalidRequest as error:
            wrong = {violation.field: "Choose one of these." for violation in error.violations}
    if wrong:
        return import_page.render(visit, found, status=HTTPStatus.BAD_REQUEST, reading_wrong=wrong, reading_form=texts)
    made = steps.create(
        visit.app,
        visit.site_id,
        file_url=found.file_url,
        file_name=found.file_name,
        actor=visit.actor,
        reading=reading,
    )
    return redirect(f"{ROOT}/imports/{made.id}")
