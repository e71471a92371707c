"""The pages that show the API's description, served by us alone."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from pointport.entrypoints.api.calls import Call
from pointport.errors import NotFound

STATIC = Path(__file__).parent / "static"
PAGE = STATIC / "docs"
SWAGGER_UI = STATIC / "swagger-ui"
FILES = {
    "": PAGE / "index.html",
    "docs.js": PAGE / "docs.js",
    "docs.css": PAGE / "docs.css",
    "swagger-ui-bundle.js": SWAGGER_UI / "swagger-ui-bundle.js",
    "swagger-ui.css": SWAGGER_UI / "swagger-ui.css",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False, route_class=Call)


@router.get("/docs")
def show_docs() -> FileResponse:
    """Show the API's description as pages to read and to try."""
    return show_docs_file("")


@router.get("/docs/{name}")
def show_docs_file(name: str) -> FileResponse:
    """Send a file of those pages."""
    if name not in FILES:
        raise NotFound(f"there is no {name} here")
    return FileResponse(FILES[name], headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})
