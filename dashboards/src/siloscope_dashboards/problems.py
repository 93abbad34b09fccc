"""RFC 9457: every failure leaves as `application/problem+json`, one shape for all."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from siloscope_dashboards.errors import ApiError, Fault, Malformed

MEDIA_TYPE = "application/problem+json"
_TYPES = "urn:siloscope:problem:"
_SHOWN_INPUT = 80
# The framework raises some of the same: a kind of problem has one name and one title, whoever noticed it.
_BY_STATUS = {error.status: error for error in ApiError.__subclasses__()}


class FaultModel(BaseModel):
    """One wrong part of the request."""

    place: str = Field(description="Where it stands", examples=["query.points"])
    expected: str = Field(description="What should stand there", examples=["less than or equal to 5000, found '9999'"])
    line: int | None = Field(default=None, description="Of a text that was sent, counted from 1")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="Names the kind of problem", examples=[_TYPES + "not-found"])
    title: str = Field(description="The kind in a few words")
    status: int = Field(description="The HTTP status", ge=400, le=599)
    detail: str = Field(description="What happened this time")
    instance: str = Field(description="The path that was asked for", examples=["/api/v1/channels/7"])
    request_id: str = Field(description="The same as in the X-Request-ID header and in the server's log")
    errors: list[FaultModel] | None = Field(default=None, description="The wrong parts, where the request is malformed")


class ProblemResponse(Response):
    """A problem on its way out."""

    media_type = MEDIA_TYPE


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may fail with these statuses, for OpenAPI."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
        for status in statuses
    }


_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def problem(
    path: str,
    request_id: str,
    status: int,
    *,
    detail: str,
    slug: str | None = None,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    faults: Sequence[Fault] | None = None,
    extra: Mapping[str, object] | None = None,
) -> ProblemResponse:
    """Return the response for one failure; what is not given follows from the status."""
    phrase = HTTPStatus(status).phrase
    body: dict[str, object] = {
        "type": _TYPES + (slug or phrase.lower().replace(" ", "-")),
        "title": title or phrase,
        "status": status,
        "detail": detail,
        "instance": path,
        "request_id": request_id,
        **(extra or {}),
    }
    if faults is not None:
        body["errors"] = [
            {"place": fault.place, "expected": fault.expected, **({"line": fault.line} if fault.line else {})}
            for fault in faults
        ]
    return ProblemResponse(json.dumps(body), status_code=status, headers=headers)


def of_error(request: Request, error: ApiError) -> ProblemResponse:
    """Return the response for an error of ours."""
    return problem(
        request.url.path,
        request_id_of(request),
        error.status,
        slug=error.slug,
        title=error.title,
        detail=error.detail,
        headers=error.headers,
        faults=error.faults,
    )


def request_id_of(request: Request) -> str:
    """Return the id that the access log gave this request."""
    request_id: str = request.scope.get("siloscope.request_id", "")
    return request_id


def install(app: FastAPI) -> None:
    """Make every failure below the middleware a problem."""

    async def api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return of_error(request, error)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        ours = _BY_STATUS.get(error.status_code)
        return problem(
            request.url.path,
            request_id_of(request),
            error.status_code,
            slug=ours.slug if ours else None,
            title=ours.title if ours else None,
            detail=_explained(request, error),
            headers=_headers(request, error),
        )

    async def validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = [_fault(each) for each in error.errors()]
        detail = "; ".join(f"{fault.place}: {fault.expected}" for fault in faults)
        return of_error(request, Malformed(detail, faults=faults))

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, validation_error)


def _explained(request: Request, error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"there is nothing at {request.url.path}"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _headers(request, error).get("Allow", "")
        return f"{request.method} is not allowed here; allowed: {allowed}"
    return str(error.detail)


def _headers(request: Request, error: HTTPException) -> Mapping[str, str]:
    """Return the error's headers; who used a wrong method is told all right ones, also those of other routes."""
    given = dict(error.headers or {})
    if "Allow" not in given:
        return given
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    path = request.url.path
    found = paths.get(path) or next((paths[each] for each in paths if _is_of(path, each)), {})
    allowed = sorted(method.upper() for method in found) or [given["Allow"]]
    # Where GET is allowed, HEAD is: routes name GET alone.
    return {**given, "Allow": ", ".join(allowed).replace("GET", "GET, HEAD")}


def _is_of(path: str, template: str) -> bool:
    parts, named = path.split("/"), template.split("/")
    return len(parts) == len(named) and all(
        name.startswith("{") or part == name for part, name in zip(parts, named, strict=True)
    )


def _fault(found: Mapping[str, Any]) -> Fault:
    place = ".".join(str(part) for part in found["loc"])
    message = str(found["msg"])
    shown = found.get("input")
    secret = any(word in place for word in ("password", "token", "secret"))
    if isinstance(shown, str | int | float) and not secret:
        message += f", found {str(shown)[:_SHOWN_INPUT]!r}"
    return Fault(place, message)
