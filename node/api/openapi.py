"""The OpenAPI 3.1 page, made from the table of routes and the types of their bodies."""

import re
from collections.abc import Sequence

import msgspec

from hansa.client.types import Json, Problem
from node.api.bodies import MSGPACK_TYPES
from node.api.problems import MEDIA_TYPE
from node.api.routing import Route

_REGEX_IN_PATH = re.compile(r"\{([a-z_]+):[^}]+\}")
_REF = "#/components/schemas/{name}"


def openapi(routes: Sequence[Route], version: str) -> dict[str, object]:
    """The whole page as plain objects."""
    types = _types(routes)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    refs = dict(zip((kind.__name__ for kind in types), schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        path = _REGEX_IN_PATH.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hansa",
            "version": version,
            "description": "A consortium chain's node. Errors are RFC 9457 problems.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _types(routes: Sequence[Route]) -> list[type[msgspec.Struct]]:
    """Every type that a route takes or gives, once, in order."""
    found: dict[type[msgspec.Struct], None] = {Problem: None}
    for route in routes:
        if route.body is not None:
            found[route.body] = None
        for kind in route.reply.values():
            if not isinstance(kind, str):
                found[kind] = None
    return list(found)


def _operation(route: Route, refs: dict[str, dict[str, Json]]) -> dict[str, object]:
    replies: dict[str, object] = {
        str(status): {"description": route.about, "content": _content(kind, refs)}
        for status, kind in route.reply.items()
    }
    replies["default"] = {
        "description": "A problem (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": refs[Problem.__name__]}},
    }
    operation: dict[str, object] = {
        "summary": route.about,
        "operationId": _operation_id(route),
        "responses": replies,
        "security": [] if route.scope == "public" else [{}, {"token": []}],
    }
    if route.parameters:
        operation["parameters"] = [
            {
                "name": parameter.name,
                "in": parameter.where,
                "required": parameter.where == "path",
                "description": parameter.about,
                "schema": parameter.schema,
            }
            for parameter in route.parameters
        ]
    if route.body is not None:
        binary = {"schema": {"type": "string", "contentMediaType": MSGPACK_TYPES[0]}}
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": refs[route.body.__name__]},
                MSGPACK_TYPES[0]: binary,
            },
        }
    return operation


def _content(
    kind: type[msgspec.Struct] | str, refs: dict[str, dict[str, Json]]
) -> dict[str, object]:
    if isinstance(kind, str):
        return {kind: {"schema": {}}}
    return {"application/json": {"schema": refs[kind.__name__]}}


def _operation_id(route: Route) -> str:
    words = re.findall(r"[a-z0-9]+", _REGEX_IN_PATH.sub(r"{\1}", route.path))
    return "_".join([route.method.lower(), *words])
