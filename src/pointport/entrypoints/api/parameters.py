"""What a call takes: found out from its function once, and read from each request.

The words are FastAPI's (`Query`, `Path`, `Header`, `Depends`), which describes the calls by them. They are read here, since
what FastAPI does for a request takes more time than most calls do themselves.
"""

import inspect
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from fastapi import Request, params
from pydantic import BaseModel, TypeAdapter, ValidationError

Made = dict[Callable[..., Any], Any]
"""What dependencies came to, by their functions: each is asked once for a request."""

BODY = ("body",)


@dataclass(frozen=True)
class Parameter:
    """A value that is sent beside the body: where, under which name there, how it is read, and what it is when missing."""

    name: str
    source: params.ParamTypes
    alias: str
    adapter: TypeAdapter[Any]
    is_list: bool
    default: Any

    def read(self, request: Request) -> tuple[Any, list[Any]]:
        """Return the value, and what is wrong with it."""
        sent = self._sent(request)
        place = (self.source.value, self.alias)
        if sent is not None:
            return _checked(self.adapter, sent, place)
        if self.default is inspect.Parameter.empty:
            return None, [{"type": "missing", "loc": place, "msg": "Field required"}]
        return self.default, []

    def _sent(self, request: Request) -> Any:
        if self.source == params.ParamTypes.path:
            return request.path_params[self.alias]
        if self.source == params.ParamTypes.header:
            return request.headers.get(self.alias)
        if self.is_list:
            return request.query_params.getlist(self.alias) or None
        return request.query_params.get(self.alias)


class Taken:
    """What a function takes; `path_names` are the names in its path, `before` dependencies that hand nothing on."""

    def __init__(
        self, function: Callable[..., Any], path_names: Collection[str], before: Sequence[params.Depends] = ()
    ) -> None:
        self.function = function
        self._inner: list[tuple[str | None, Taken]] = [(None, _of(one, path_names)) for one in before]
        self._parameters: list[Parameter] = []
        self._bodies: list[tuple[str, TypeAdapter[Any]]] = []
        self._requests: list[str] = []
        hints = get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            self._add(name, hints[name], parameter.default, path_names)

    @property
    def has_body(self) -> bool:
        """Whether any of it is in the body."""
        return bool(self._bodies) or any(inner.has_body for _, inner in self._inner)

    def read(self, request: Request, body: Any, made: Made) -> tuple[dict[str, Any], list[Any]]:
        """Return it by name, and what is wrong with it, as pydantic says it."""
        values: dict[str, Any] = dict.fromkeys(self._requests, request)
        wrong: list[Any] = []
        for name, inner in self._inner:
            if inner.function not in made:
                taken, at_fault = inner.read(request, body, made)
                if at_fault:
                    wrong += at_fault
                    continue
                made[inner.function] = _run(inner.function(**taken))
            if name is not None:
                values[name] = made[inner.function]
        for parameter in self._parameters:
            values[parameter.name], at_fault = parameter.read(request)
            wrong += at_fault
        for name, adapter in self._bodies:
            values[name], at_fault = _checked(adapter, body, BODY)
            wrong += at_fault
        return values, wrong

    def _add(self, name: str, hint: Any, default: Any, path_names: Collection[str]) -> None:
        marks = (one for one in getattr(hint, "__metadata__", ()) if isinstance(one, (params.Depends, params.Param)))
        mark = next(marks, None)
        if isinstance(mark, params.Depends):
            self._inner.append((name, _of(mark, path_names)))
        elif hint is Request:
            self._requests.append(name)
        elif mark is None and _is_body(hint):
            self._bodies.append((name, TypeAdapter(hint)))
        else:
            source = params.ParamTypes.path if name in path_names else params.ParamTypes.query
            alias, is_list = name, False
            if mark is not None:
                source, alias, is_list = mark.in_, mark.alias or name, get_origin(get_args(hint)[0]) is list
            self._parameters.append(Parameter(name, source, alias, TypeAdapter(hint), is_list, default))


def _is_body(hint: Any) -> bool:
    return any(isinstance(one, type) and issubclass(one, BaseModel) for one in (hint, *get_args(hint)))


def _of(mark: params.Depends, path_names: Collection[str]) -> Taken:
    if mark.dependency is None:
        raise TypeError("a dependency says of what")
    return Taken(mark.dependency, path_names)


def _checked(adapter: TypeAdapter[Any], sent: Any, place: tuple[str, ...]) -> tuple[Any, list[Mapping[str, Any]]]:
    try:
        return adapter.validate_python(sent), []
    except ValidationError as error:
        return None, [{**found, "loc": (*place, *found["loc"])} for found in error.errors(include_url=False)]


def _run(waiting: Coroutine[Any, Any, Any]) -> Any:
    """Run what awaits nothing to its end."""
    try:
        waiting.send(None)
    except StopIteration as done:
        return done.value
    waiting.close()
    raise RuntimeError("a call waits for the event loop, outside of which it runs")
