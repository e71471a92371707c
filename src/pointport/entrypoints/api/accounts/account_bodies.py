"""What requests that change one account have in common (contract.md 1.2, 6.2)."""

from typing import Annotated

from fastapi import Path
from pydantic import Field, StrictStr
from pydantic.json_schema import SkipJsonSchema

from pointport.entrypoints.api import bodies

AccountId = Annotated[bodies.Guid, Path(alias="accountId")]
Description = Annotated[StrictStr, Field(min_length=1, max_length=100), bodies.STORABLE]


class Again(bodies.Body):
    """The SDK repeats in the body which account is meant."""

    account_id: SkipJsonSchema[bodies.Guid | None] = None
