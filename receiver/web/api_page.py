"""The API's document as a page for people, `/docs/api`. Public: nothing of anybody's is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup, escape

from receiver.web.api.openapi import REFUSALS, document
from receiver.web.compression import compress
from receiver.web.console.guard import dress

api_page = Blueprint("api_page", __name__, template_folder="templates")
_JSON = "application/json"
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    told: Schema
    command: str
    forms: tuple[str, ...]
    sample: str | None
    """What it answers as JSON, made up."""
    missing: str | None

    @property
    def public(self) -> bool:
        return self.told.get("security") == []


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    about: str
    operations: tuple[Shown, ...]


@api_page.get("/docs/api")
def show() -> str:
    groups, errors = _page()
    return render_template("api.html", groups=groups, errors=errors, address=f"{request.host_url}api/v1")


@api_page.app_template_filter()
def with_code(text: str) -> Markup:
    """A text of the document, with what stands between backticks as code."""
    parts = (escape(part) for part in text.split("`"))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


@api_page.after_request
def _dress(response: Response) -> Response:
    return compress(dress(response))


@cache
def _page() -> tuple[list[Group], dict[str, Schema]]:
    """What is on the page: the operations by tag, and the errors that many of them have."""
    whole = document()
    schemas = whole["components"]["schemas"]
    shown = [
        (told["tags"][0], _shown(path, method, told, schemas))
        for path, methods in whole["paths"].items()
        for method, told in methods.items()
    ]
    groups = [
        Group(tag["name"], tag["description"], tuple(one for name, one in shown if name == tag["name"]))
        for tag in whole["tags"]
    ]
    answers = [told["responses"] for methods in whole["paths"].values() for told in methods.values()]
    errors = {status: told for some in answers for status, told in some.items() if status in REFUSALS}
    return groups, dict(sorted(errors.items()))


def _shown(path: str, method: str, told: Schema, schemas: Schema) -> Shown:
    responses = told["responses"]
    forms = responses["200"]["content"]
    return Shown(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        told=told,
        command=_command(path, method, told, schemas),
        forms=tuple(forms),
        sample=_text(sample_of(forms[_JSON]["schema"], schemas)) if _JSON in forms else None,
        missing=responses["404"]["description"] if "404" in responses else None,
    )


def _command(path: str, method: str, told: Schema, schemas: Schema) -> str:
    parts = ["curl", *(["-X", method.upper()] if method != "get" else [])]
    if told.get("security") != []:
        parts += ["-H", '"$H"']
    if "requestBody" in told:
        given = sample_of(told["requestBody"]["content"][_JSON]["schema"], schemas)
        parts += ["--json", f"'{json.dumps(given)}'"]
    for one in told["parameters"]:
        if one["in"] == "path":
            value = str(sample_of(one["schema"], schemas)) if "type" in one["schema"] else one["name"]
            path = path.replace("{" + one["name"] + "}", one["name"].upper() if value == "…" else value)
    return " ".join([*parts, f'"$U{path}"'])


def sample_of(schema: Schema, schemas: Schema) -> Any:
    """Something that fits a schema of the document."""
    if "$ref" in schema:
        return sample_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        return sample_of(next(one for one in schema["anyOf"] if one.get("type") != "null"), schemas)
    match schema.get("type"):
        case "object":
            return {name: sample_of(one, schemas) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [sample_of(schema["items"], schemas)]
        case "integer":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
    return "…"


def _text(sample: Any) -> str:
    return json.dumps(sample, indent=2, ensure_ascii=False)
