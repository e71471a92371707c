"""POST /v1/accounts/{accountId}/earn-points: points for what a customer did, once for each key (contract.md 6.2)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictStr

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.accounts.account_bodies import AccountId, Again, Description
from pointport.entrypoints.api.auth import AccountWriter
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.entrypoints.api.problems import can_fail
from pointport.errors import Conflict, NotFound, PreconditionFailed
from pointport.ledger import postings
from pointport.ledger.postings import Earning
from pointport.wire import accounts as wire
from pointport.wire.base import Json, without_none

router = APIRouter(route_class=Call)


class FollowedSocialMedia(bodies.Body):
    """Where the customer follows."""

    channel: Annotated[StrictStr, Field(max_length=32), bodies.STORABLE] | None = None


class EarnPoints(Again):
    """How many points, what for, by which app, and the key by which the same request is known when it comes again."""

    amount: Annotated[bodies.Integer, Field(ge=1, le=9_999_999)]
    description: Description
    app_id: Annotated[StrictStr, Field(min_length=1, max_length=100), bodies.STORABLE]
    idempotency_key: Annotated[StrictStr, Field(min_length=1, max_length=256), bodies.STORABLE]
    activity_type: Annotated[StrictStr, Field(max_length=100), bodies.STORABLE] | None = None
    order_id: Annotated[StrictStr, Field(max_length=512), bodies.STORABLE] | None = None
    followed_social_media: FollowedSocialMedia | None = None

    def earning(self) -> Earning:
        """Return it as the ledger takes it."""
        social = self.followed_social_media or FollowedSocialMedia()
        about = {
            "app_id": self.app_id,
            "activity_type": self.activity_type,
            "order_id": self.order_id,
            "channel": social.channel,
        }
        return Earning(self.amount, self.description, self.idempotency_key, without_none(about))


@router.post(
    "/v1/accounts/{accountId}/earn-points",
    response_model=wire.PostingAnswer,
    responses=can_fail(Conflict, NotFound, PreconditionFailed),
)
def earn_points(account_id: AccountId, body: EarnPoints, app: TheApp, who: AccountWriter) -> Json:
    """Give points while the program is active; the same key again gives the same entry and no more points."""
    bodies.refuse_contradiction("accountId", account_id, body.account_id)
    account, entry_id = postings.earn(
        app.database,
        who.site_id,
        account_id,
        body.earning(),
        points_max=app.settings.points_max,
        actor=who.actor,
        now=app.clock(),
    )
    return {"account": wire.account(account), "transactionId": str(entry_id)}
