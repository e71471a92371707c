"""Settings: what there is to set, and the limits that only whoever runs the server sets."""

from starlette.responses import Response

from pointport.entrypoints.console.pages import Visit, page
from pointport.plumbing.sites import sites
from pointport.plumbing.webhooks import subscriptions


@page("admin")
def settings(visit: Visit) -> Response:
    """Show what can be set, and how it is now."""
    keys = sites.list_keys(visit.app.database, visit.site_id)
    webhooks = subscriptions.list_all(visit.app.database, visit.site_id)
    return visit.render(
        "settings.html",
        keys=sum(key["revoked_date"] is None for key in keys),
        webhooks=len(webhooks),
        webhooks_off=sum(not webhook["is_enabled"] for webhook in webhooks),
        limits=visit.app.settings,
    )


@page("admin")
def limits(visit: Visit) -> Response:
    """Show how long things are kept and how large they may be."""
    return visit.render("limits.html", limits=visit.app.settings)
