"""The first page: a site's imports, newest first."""

from starlette.requests import Request
from starlette.responses import Response

from pointport.entrypoints.console.pages import SECURITY, Visit, page
from pointport.imports import steps
from pointport.imports.status import Status
from pointport.plumbing.queries import CursorSigner, plan
from pointport.wire.imports import IMPORTS

PAGE_ROWS = 25
FILTERS = {
    "": [],
    "open": [Status.INITIATED, Status.PARSING, Status.PARSED, Status.IMPORTING],
    "done": [Status.IMPORTED],
    "stopped": [Status.FAILED],
}
SAMPLE = (
    "Name,Email,Points balance\r\nAda Lovelace,ada@example.com,1250\r\nGrace Hopper,grace@example.com,300\r\n"
    "Katherine Johnson,katherine@example.com,75\r\n"
)


@page("imports")
def home(visit: Visit) -> Response:
    """List the imports, filtered by what has become of them, page by page."""
    chosen = visit.asked("show")
    statuses = FILTERS.get(chosen, [])
    cursor = visit.asked("page")
    paging = {"limit": PAGE_ROWS, **({"cursor": cursor} if cursor else {})}
    query = {"filter": {"status": {"$in": [str(status) for status in statuses]}} if statuses else {}}
    wanted = plan(IMPORTS, {**query, "cursorPaging": paging}, CursorSigner(visit.app.secret, visit.site_id))
    imports, told = steps.query(visit.app, visit.site_id, wanted)
    return visit.render(
        "home.html",
        imports=imports,
        chosen=chosen,
        cursors=told["cursors"],
        is_first_visit=not imports and not statuses and not cursor,
    )


async def sample(_: Request) -> Response:
    """Return a file to try it with."""
    return Response(
        SAMPLE, media_type="text/csv", headers={**SECURITY, "Content-Disposition": 'attachment; filename="sample.csv"'}
    )
