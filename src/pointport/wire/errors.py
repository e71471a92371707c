"""What an error looks like (contract.md 1.6)."""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from pointport.errors import Rule


class FieldViolation(TypedDict):
    """One field of the request that is wrong, and why."""

    field: Annotated[str, Field(description="The path in the request, dotted, with `[i]` for places in a list")]
    description: str
    violatedRule: Rule
    data: NotRequired[dict[str, Any]]


class ValidationError(TypedDict):
    """All that is wrong with a request."""

    fieldViolations: Annotated[list[FieldViolation], Field(min_length=1)]


class ValidationErrorDetails(TypedDict):
    """Details of an answer of 400 to a request that breaks a rule."""

    validationError: ValidationError


class InvalidRequestAnswer(TypedDict):
    """The request breaks a rule, and each field that does is named."""

    message: str
    details: ValidationErrorDetails


class ApplicationError(TypedDict):
    """Why not, as a code for programs and a sentence with a way out for people."""

    code: Annotated[str, Field(examples=["NOT_FOUND"])]
    description: str
    data: NotRequired[dict[str, Any]]


class ApplicationErrorDetails(TypedDict):
    """Details of every other answer that is no success."""

    applicationError: ApplicationError


class ErrorAnswer(TypedDict):
    """The request was understood, and cannot be done."""

    message: str
    details: ApplicationErrorDetails


class FaultAnswer(TypedDict):
    """A fault of ours: nothing is told of it, and the log has all of it under the answer's name."""
