"""POST /pointport/v1/ledger/verify-certificate: whether a certificate is genuine, and still what the ledger says."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StrictStr
from pydantic_core import PydanticCustomError

from pointport.app import App
from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Importer
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.errors import NotFound, PreconditionFailed
from pointport.imports import steps
from pointport.plumbing.queries.values import shown
from pointport.plumbing.sites import signing
from pointport.wire import certificates as wire
from pointport.wire.base import Json, in_order

router = APIRouter(prefix="/pointport/v1", route_class=Call)

SIGNATURE_CHARACTERS_MAX = 32_000
"""The longest names that a file and its columns can have make half of that."""
NESTED_MAX = 100
"""More is refused before anything walks through it; a certificate has three."""


def _not_deep(given: Json) -> Json:
    level: list[Any] = [given]
    for _ in range(NESTED_MAX):
        objects = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [inner for one in objects for inner in one]
        if not level:
            return given
    raise PydanticCustomError("FORMAT", "is nested more than {threshold} levels deep", {"threshold": NESTED_MAX})


class VerifyCertificate(bodies.Body):
    """A certificate and its signature, as they were given out; what else is there is passed over."""

    certificate: Annotated[dict[str, Any], AfterValidator(_not_deep)]
    signature: Annotated[StrictStr, Field(max_length=SIGNATURE_CHARACTERS_MAX)]


@router.post("/ledger/verify-certificate", response_model=wire.CertificateVerdict)
def verify_certificate(body: VerifyCertificate, app: TheApp, who: Importer) -> Json:
    """Check who signed a certificate and recompute all of it from the ledger; each value that differs is named."""
    given = wire.readable(body.certificate)
    verdict: Json = {"siteId": str(who.site_id), "problems": [], "differences": [], "remarks": []}
    if isinstance(given.get("loyaltyImportId"), str):
        verdict["loyaltyImportId"] = given["loyaltyImportId"]
    problem = _not_ours(given, who.site_id)
    if problem is not None:
        verdict["problems"].append(problem)
    else:
        _check_signature(app, who.site_id, body, verdict)
        _recompute(app, who.site_id, given, verdict)
    verdict["sound"] = not verdict["problems"] and not verdict["differences"]
    return in_order(wire.CertificateVerdict, verdict)


def _not_ours(given: Json, site_id: UUID) -> Json | None:
    """Return why something is no certificate of this site, if it is none."""
    if given.get("version") != wire.VERSION or type(given["version"]) is not int:
        return _problem(
            "NOT_A_CERTIFICATE",
            f"It is no certificate of version {wire.VERSION}, the only one there is: its version is"
            f" {shown(str(given.get('version')))}.",
        )
    if given.get("siteId") != str(site_id):
        return _problem(
            "ANOTHER_SITE", f"It is a certificate of the site {shown(str(given.get('siteId')))}, and this is {site_id}."
        )
    return None


def _check_signature(app: App, site_id: UUID, body: VerifyCertificate, verdict: Json) -> None:
    try:
        verdict["keyId"], signed = signing.check_document(app.database, site_id, body.signature, kind=wire.KIND)
    except signing.NotSigned as error:
        verdict["problems"].append(_problem(error.reason, error.message))
        return
    if signed != wire.canonical(body.certificate):
        verdict["problems"].append(
            _problem("CERTIFICATE_ALTERED", "This site signed a certificate, but it was altered since: not this one.")
        )


def _recompute(app: App, site_id: UUID, given: Json, verdict: Json) -> None:
    try:
        proof = steps.prove(app, site_id, UUID(str(given.get("loyaltyImportId"))))
    except (ValueError, NotFound):
        told = shown(str(given.get("loyaltyImportId")))
        verdict["problems"].append(_problem("IMPORT_NOT_FOUND", f"The site has no import {told}."))
        return
    except PreconditionFailed as error:
        verdict["problems"].append(_problem("IMPORT_NOT_ENDED", f"The import is in no state to be certified: {error}."))
        return
    now = wire.certificate(proof, app.clock())
    verdict["differences"], verdict["remarks"] = wire.compare(given, now)


def _problem(code: str, message: str) -> Json:
    return {"code": code, "message": message}
