"""Sites, their keys, and whether their ledgers add up."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from pointport.ledger.audit import Finding
from pointport.plumbing.sites.sites import SCOPES, Site
from pointport.wire.base import Guid, Json, Timestamp, timestamp

Scope = Annotated[str, Field(json_schema_extra={"enum": list(SCOPES)})]


class SiteShape(TypedDict):
    """A tenant."""

    siteId: Guid
    name: str
    default: Annotated[bool, Field(description="Whether it is meant when no site is named")]
    createdDate: Timestamp


class SitesAnswer(TypedDict):
    """All sites."""

    sites: list[SiteShape]


class NewSiteAnswer(SiteShape):
    """A new site, and its first key, which is shown this once."""

    apiKey: str


class KeyShape(TypedDict):
    """A key, without its secret."""

    keyId: Guid
    name: str
    scopes: list[Scope]
    createdDate: Timestamp
    revokedDate: Timestamp | None


class KeysAnswer(TypedDict):
    """A site's keys, revoked ones too."""

    keys: list[KeyShape]


class NewKeyAnswer(TypedDict):
    """A new key, which is shown this once."""

    keyId: Guid
    siteId: Guid
    apiKey: str


class RevokedKeyAnswer(TypedDict):
    """The key that opens nothing any more."""

    keyId: Guid


class FindingShape(TypedDict):
    """One proof that failed: how often in all, and its first cases."""

    proof: str
    count: int
    examples: list[str]


class LedgerAnswer(TypedDict):
    """Whether a site's ledger adds up, and what does not."""

    siteId: Guid
    sound: bool
    findings: list[FindingShape]


def site(found: Site) -> Json:
    """Return a site."""
    return {
        "siteId": str(found.id),
        "name": found.name,
        "default": found.is_default,
        "createdDate": timestamp(found.created_date),
    }


def finding(found: Finding) -> Json:
    """Return a proof that failed."""
    return {"proof": found.proof, "count": found.count, "examples": list(found.examples)}
