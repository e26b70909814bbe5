"""One operation of the query API, declared once; requests are checked and documented from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError

from receiver.access.scopes import Scope
from receiver.access.tokens import KnownToken
from receiver.web.access import require

api = Blueprint("api", __name__, url_prefix="/api/v1")

JSON = "application/json"
LARGEST_ID = 2**63 - 1


NOBODY = KnownToken("", Scope.READ)
"""Who asks for what is public."""


class BadRequest(ValueError):
    """A parameter or a body is invalid. The message names it and says what is valid."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the query, with its JSON schema."""

    name: str
    describes: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """The parameters of one request, all known to the operation, and who makes the request."""

    words: Mapping[str, str]
    token: KnownToken

    @property
    def who(self) -> str:
        """Who makes the request, for the record."""
        return f"token {self.token.name}"

    def only(self, names: Sequence[str]) -> dict[str, str | None]:
        """The given parameters among these names."""
        return {name: self.words[name] for name in names if name in self.words}

    def whole(self, name: str, default: int, largest: int, *, least: int = 1) -> int:
        """A whole number from `least` to `largest`."""
        word = self.words.get(name)
        if word is None:
            return default
        if not (word.isascii() and word.isdigit() and len(word) < 20 and least <= int(word) <= largest):
            raise BadRequest(f"{name}: must be a whole number from {least} to {largest}")
        return int(word)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of these words."""
        word = self.words.get(name, default)
        if word not in choices:
            raise BadRequest(f"{name}: must be one of {', '.join(choices)}")
        return word

    def flag(self, name: str) -> bool:
        """Whether it is `true`."""
        return self.choice(name, ("true", "false"), "false") == "true"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with everything that the document says about it."""

    path: str
    method: str
    name: str
    summary: str
    describes: str
    scope: Scope
    parameters: tuple[Parameter, ...]
    answer: type[BaseModel]
    body: type[BaseModel] | None
    forms: Mapping[str, str]
    """Media types other than JSON in which it answers, and what each contains."""
    only_forms: bool
    """Whether it never answers in JSON; `answer` is then a part of what it does answer."""
    path_schemas: Mapping[str, Mapping[str, Any]]
    """By name in the path: what it may be. One that is not named here may have slashes in it."""
    partial: bool
    """Whether a part of the answer can be asked for."""
    missing: str | None
    """The message of a 404, if there can be one."""
    conflict: str | None
    """When it answers 409, if it can."""
    public: bool
    """Whether it needs no token, since nothing of anybody's is in the answer."""

    def read(self, token: KnownToken) -> Given:
        """The parameters of the current request; `BadRequest` if one is unknown or given twice."""
        known = [parameter.name for parameter in self.parameters]
        words: dict[str, str] = {}
        for name, values in request.args.lists():
            if name not in known:
                listed = ", ".join(sorted(known)) if known else "none"
                raise BadRequest(f"{name[:40]}: unknown parameter; the known ones are {listed}")
            if len(values) > 1:
                raise BadRequest(f"{name}: is given twice; give it once")
            words[name] = values[0]
        return Given(words, token)


OPERATIONS: list[Operation] = []
"""All operations, in the order in which the document lists them."""

View = Callable[..., Response]


def operation(
    path: str,
    summary: str,
    answer: type[BaseModel],
    *,
    method: str = "GET",
    scope: Scope = Scope.READ,
    parameters: Sequence[Parameter] = (),
    body: type[BaseModel] | None = None,
    forms: Mapping[str, str] | None = None,
    only_forms: bool = False,
    path_schemas: Mapping[str, Mapping[str, Any]] | None = None,
    partial: bool = False,
    missing: str | None = None,
    conflict: str | None = None,
    public: bool = False,
) -> Callable[[View], View]:
    """Serve a view at `path`, written as in the document: `/events/{id}`."""

    def add(view: View) -> View:
        declared = Operation(
            path=path,
            method=method,
            name=view.__name__,
            summary=summary,
            describes=view.__doc__ or "",
            scope=scope,
            parameters=tuple(parameters),
            answer=answer,
            body=body,
            forms=forms or {},
            only_forms=only_forms,
            path_schemas=path_schemas or {},
            partial=partial,
            missing=missing,
            conflict=conflict,
            public=public,
        )
        OPERATIONS.append(declared)

        def answer_request(**names: Any) -> Response:
            given = declared.read(NOBODY if public else require(scope))
            return view(given, _body(body), **names) if body is not None else view(given, **names)

        rule = "/".join(_rule(part, declared) for part in path.split("/"))
        api.add_url_rule(rule, view.__name__, answer_request, methods=[method], merge_slashes=False)
        return view

    return add


def _rule(part: str, declared: Operation) -> str:
    """A part of a path as Werkzeug has it."""
    if not part.startswith("{"):
        return part
    name = part[1:-1]
    schema = declared.path_schemas.get(name)
    if schema is None:  # what others chose, such as a session, may have slashes in it
        return f"<rest:{name}>" if declared.path.endswith(part) else f"<{name}>"
    # Digits only: what else stands there may be an operation of its own, `/deliveries/retry`.
    return f"<int:{name}>" if schema.get("type") == "integer" else f"<{name}>"


def _body(model: type[BaseModel] | None) -> BaseModel | None:
    if model is None:
        return None
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        said = first["msg"].removeprefix("Value error, ")
        raise BadRequest(f"{where}: {said[0].lower()}{said[1:]}") from None
