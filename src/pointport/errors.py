"""Every error of Pointport, in one tree.

::

    PointportError                     what the caller can be told
     ├── InvalidRequest                the request is wrong: one violation per field
     ├── Unauthenticated               no key, or a key that nobody was given
     ├── PermissionDenied              a good key, but not for this
     ├── NotFound                      there is no such thing (or it is another site's)
     ├── Conflict                      it exists already, or has changed meanwhile
     ├── PreconditionFailed            not in this state
     ├── TooLarge                      over a limit that has a name
     ├── TooManyRequests               this key has asked too often: wait a minute
     ├── Unavailable                   ours to mend, and passing: try again later
     ├── FileRejected                  an import's file cannot be read (ends the import as FAILED)
     ├── ImportStopped                 an import had better not go on (ends it as FAILED)
     └── SetupError                    the machine or its settings: says what to do

What a row of a file has wrong is no error but a value: `imports/problems.py`.
The one table from these to an HTTP status is `entrypoints/api/problems.py`; to an exit code, `entrypoints/cli/commands.py`.
Anything that is not in this tree is a fault of ours.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

Rule = Literal[
    "VALIDATION",
    "OTHER",
    "MAX",
    "MIN",
    "MAX_LENGTH",
    "MIN_LENGTH",
    "MAX_SIZE",
    "MIN_SIZE",
    "FORMAT",
    "INVALID_ENUM_VALUE",
    "REQUIRED_FIELD",
    "FIELD_NOT_ALLOWED",
]
"""The contract's `violatedRule` values, those of them that we use (contract.md 1.6)."""


class PointportError(Exception):
    """Something went wrong that the caller can be told in `message`, a sentence with a way out."""

    code: ClassVar[str] = "INTERNAL"
    retry: ClassVar[bool] = False
    """True when the same request may succeed later, unchanged."""

    def __init__(self, message: str, *, code: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = code or self.code
        """The code that goes on the wire: the class's own, or a narrower one."""
        self.data = dict(data or {})


@dataclass(frozen=True)
class Violation:
    """One field of a request that is wrong (contract.md 1.6).

    `field` is the wire path, dotted, with `[i]` for indexes; `rule` is one of the contract's `violatedRule` values.
    """

    field: str
    description: str
    rule: Rule = "VALIDATION"
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class InvalidRequest(PointportError):
    """The request breaks a rule: at least one field is named, each with what is wrong and what would be right."""

    code = "INVALID_ARGUMENT"

    def __init__(self, *violations: Violation, message: str | None = None) -> None:
        super().__init__(message or "; ".join(f'"{v.field}" {v.description}' for v in violations))
        self.violations = violations


class Unauthenticated(PointportError):
    """Nobody we know."""

    code = "UNAUTHENTICATED"


class PermissionDenied(PointportError):
    """Somebody we know, who may not do this."""

    code = "PERMISSION_DENIED"


class NotFound(PointportError):
    """No such thing, as far as this caller may know."""

    code = "NOT_FOUND"


class Conflict(PointportError):
    """It exists already, or it is not what the caller last saw."""

    code = "ALREADY_EXISTS"


class PreconditionFailed(PointportError):
    """The thing is not in a state in which this can be done."""

    code = "FAILED_PRECONDITION"


class TooLarge(PointportError):
    """Over a named limit."""

    code = "TOO_LARGE"


class TooManyRequests(PointportError):
    """More requests than this key may make; the same one may succeed later."""

    code = "RESOURCE_EXHAUSTED"
    retry = True


class Unavailable(PointportError):
    """The database or the file store does not answer, or is full. Nothing was changed."""

    code = "UNAVAILABLE"
    retry = True


class FileRejected(PointportError):
    """A file that cannot be imported: `reason` becomes the import's `parseErrorReason` or `failureReason`."""

    code = "NOT_CSV"


class ImportStopped(PointportError):
    """An import that goes no further, as its owner or its guard rails want: `reason` becomes its `failureReason`."""

    code = "CANCELLED"


class SetupError(PointportError):
    """This machine or its settings do not allow it; the message says what to do."""

    code = "SETUP"
