"""The OpenAPI document, made from the operations: what is not in it is not served."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from receiver.access.scopes import Scope
from receiver.web.api import shapes
from receiver.web.api.operation import JSON, OPERATIONS, Given, Operation, operation
from receiver.web.errors import TOO_LARGE

_SCHEMAS = "#/components/schemas/"
REFUSALS = {
    "400": (
        "A parameter or the body is invalid; the message names it.",
        "bad_request",
        "limit: must be a whole number from 1 to 500",
    ),
    "401": (
        "There is no token, or it is not known, was revoked or has ended.",
        "unauthorized",
        "send a token as: Authorization: Bearer <token>",
    ),
    "403": (
        "The token's scope does not allow this.",
        "forbidden",
        "this needs a token of scope operate, and this one has scope read",
    ),
    "408": (
        "The body took too long to arrive.",
        "request_timeout",
        "the body took too long to arrive: send it again, faster",
    ),
    "413": ("The body is too large.", "request_entity_too_large", TOO_LARGE),
    "429": (
        "Too many requests by this token.",
        "too_many_requests",
        "this token may make 100 requests a second",
    ),
    "503": (
        "What is asked for cannot be had now, mostly because the database cannot be reached.",
        "unavailable",
        "the database cannot be reached; callbacks go to the spool in the meantime",
    ),
}
_OF_BODIES = {"408", "413"}
TAGS = {
    "events": "What arrived, one notification each, and its documents.",
    "calls": "Events of one call, put together.",
    "conversations": "SMS between two numbers.",
    "contacts": "Names for those who call and write.",
    "numbers": "The account's telephone numbers.",
    "stats": "How many events there are.",
    "findings": "What needs attention.",
    "spool": "Callbacks that wait for the database, or that it refused.",
    "quarantine": "Events that are kept but not trusted.",
    "documents": "What events linked to: faxes, recordings, pictures.",
    "targets": "Where events are delivered.",
    "deliveries": "What went where.",
    "replays": "Events sent once more.",
    "openapi": "This document.",
}


@operation("/openapi.json", "Describe this API", shapes.Document, public=True)
def show_document(_: Given) -> Response:
    """All operations with their parameters and answers. Needs no token."""
    return jsonify(document())


def document() -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    models: dict[type[BaseModel], None] = {shapes.Error: None}
    for one in OPERATIONS:
        models |= {model: None for model in (one.answer, one.body) if model is not None}
    refs, schemas = models_json_schema(
        [(model, "serialization") for model in models], ref_template=_SCHEMAS + "{model}"
    )
    paths: dict[str, Any] = {}
    for one in OPERATIONS:
        schema_of = {model: refs[(model, "serialization")] for model in models}
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Receiver",
            "version": "1",
            "description": "What arrived at your telephone numbers: calls, faxes and SMS.",
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas["$defs"],
        },
    }


def _described(one: Operation, schema_of: dict[type[BaseModel], Any]) -> dict[str, Any]:
    failure = {"content": {JSON: {"schema": schema_of[shapes.Error]}}}
    content = {} if one.only_forms else {JSON: {"schema": schema_of[one.answer]}}
    content |= {kind: {"schema": {"type": "string", "description": text}} for kind, text in one.forms.items()}
    needed = "" if one.scope is Scope.READ else f" Needs a token of scope {one.scope}."
    described: dict[str, Any] = {
        "operationId": one.name,
        "tags": [tag_of(one)],
        "summary": one.summary,
        "description": " ".join(one.describes.split()) + needed,
        "parameters": [
            *(
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": one.path_schemas.get(name, {"type": "string"}),
                }
                for name in _path_names(one.path)
            ),
            *(
                {"name": known.name, "in": "query", "description": known.describes, "schema": known.schema}
                | ({"deprecated": True} if known.deprecated else {})
                for known in one.parameters
            ),
        ],
        "responses": {
            "200": {"description": "OK", "content": content},
            **{
                status: _refusal(status, failure)
                for status in REFUSALS
                if not (one.public and status != "400")
                if one.body is not None or status not in _OF_BODIES
            },
        },
    }
    if one.public:
        described["security"] = []
    if one.partial:
        described["responses"]["206"] = {"description": "The part that was asked for", "content": content}
        described["responses"]["416"] = {"description": "There is no such part.", **failure}
    if one.missing is not None:
        described["responses"]["404"] = {"description": one.missing, **failure}
    if one.conflict is not None:
        described["responses"]["409"] = {"description": one.conflict, **failure}
    if one.body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema_of[one.body]}}}
    return described


def _refusal(status: str, failure: dict[str, Any]) -> dict[str, Any]:
    text, code, message = REFUSALS[status]
    example = {"error": {"code": code, "message": message}}
    refusal = {"description": text, "content": {JSON: failure["content"][JSON] | {"example": example}}}
    if status in {"429", "503"}:
        about = "Seconds to wait before the next try."
        refusal["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    return refusal


def tag_of(one: Operation) -> str:
    """What an operation is about: the first word of its path."""
    return one.path.split("/")[1].removesuffix(".json")


def _path_names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]
