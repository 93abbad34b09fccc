"""The OpenAPI description, completed: every API route says which problems it answers with."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from siloscope_contract.alerts.rules import Rule
from siloscope_dashboards.auth.models import Credentials
from siloscope_dashboards.documents import schemas as document_schemas
from siloscope_dashboards.problems import FaultModel, Problem, documented

_SCHEMAS = "#/components/schemas/{model}"
_EVERYWHERE = (406, 500, 503, 504)


def describe(app: FastAPI) -> None:
    """Give the app its description, made when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(
                get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this assignment as the way to do it


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (FaultModel, Problem, Credentials):
        schema = model.model_json_schema(ref_template=_SCHEMAS)
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    schemas |= document_schemas([Rule])
    for path, operation in _operations(description):
        responses = operation["responses"]
        if "422" in responses:
            responses |= _keyed(422)
        if path.startswith("/api/"):
            responses |= {**_keyed(*_EVERYWHERE), **responses}
    return description


def _keyed(*statuses: int) -> dict[str, Any]:
    return {str(status): response for status, response in documented(*statuses).items()}


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            yield path, operation
