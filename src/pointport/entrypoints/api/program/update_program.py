"""PATCH /v1/program: its name, what points are called, when they are meant to expire (contract.md 6.4)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, StrictStr

from pointport.entrypoints.api import bodies
from pointport.entrypoints.api.auth import Admin
from pointport.entrypoints.api.calls import Call
from pointport.entrypoints.api.context import TheApp
from pointport.ledger import program
from pointport.wire import program as wire
from pointport.wire.base import Json

router = APIRouter(route_class=Call)

URL_CHARACTERS_MAX = 1_000
PIXELS_MAX = 100_000


def _spelled_out(icon: Any) -> Any:
    """The SDK knows a picture by its URL alone."""
    return {"url": icon} if isinstance(icon, str) else icon


class IconChange(bodies.Body):
    """A picture."""

    id: Annotated[StrictStr, Field(max_length=URL_CHARACTERS_MAX), bodies.STORABLE] = ""
    url: Annotated[StrictStr, Field(max_length=URL_CHARACTERS_MAX), bodies.STORABLE] = ""
    height: Annotated[bodies.Integer, Field(ge=0, le=PIXELS_MAX)] = 0
    width: Annotated[bodies.Integer, Field(ge=0, le=PIXELS_MAX)] = 0


class PointDefinitionChange(bodies.Body):
    """What points are called, and their picture; an empty name goes back to "Points"."""

    custom_name: Annotated[StrictStr, Field(max_length=20), bodies.STORABLE] | None = None
    icon: Annotated[IconChange, BeforeValidator(_spelled_out, json_schema_input_type=IconChange | str)] | None = None


class PointsExpirationChange(bodies.Body):
    """After how long without any activity what share of the points is meant to expire."""

    months_of_inactivity: Annotated[bodies.Integer, Field(ge=1, le=12)] | None = None
    expiring_points_percentage: Annotated[bodies.Integer, Field(ge=1, le=100)] | None = None


class ProgramChange(bodies.Body):
    """What is to change; the rest stays."""

    name: Annotated[StrictStr, Field(min_length=2, max_length=50), bodies.STORABLE] | None = None
    point_definition: PointDefinitionChange | None = None
    points_expiration: PointsExpirationChange | None = None

    def wanted(self) -> Mapping[str, Any]:
        """Return the columns that are to change."""
        points, expiration = (
            self.point_definition or PointDefinitionChange(),
            self.points_expiration or PointsExpirationChange(),
        )
        given = {
            "name": self.name,
            "custom_name": points.custom_name,
            "icon": points.icon.model_dump() if points.icon else None,
            "months_of_inactivity": expiration.months_of_inactivity,
            "expiring_points_percentage": expiration.expiring_points_percentage,
        }
        wanted = {name: value for name, value in given.items() if value is not None}
        return {name: value if value != "" else None for name, value in wanted.items()}


class UpdateProgram(bodies.Body):
    """The program as it is to be."""

    loyalty_program: ProgramChange


@router.patch("/v1/program", response_model=wire.ProgramAnswer)
def update_program(body: UpdateProgram, app: TheApp, who: Admin) -> Json:
    """Change what is given and leave the rest; what is read-only is passed over."""
    changed = program.change(
        app.database,
        who.site_id,
        body.loyalty_program.wanted(),
        action="program.update",
        actor=who.actor,
        now=app.clock(),
    )
    return {"loyaltyProgram": wire.loyalty_program(changed)}
