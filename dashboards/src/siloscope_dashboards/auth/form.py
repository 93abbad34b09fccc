"""Reading credentials from JSON or from an OAuth2 password form (RFC 6749, section 4.3.2)."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from siloscope_dashboards.auth.models import Credentials

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_FIELDS_AT_MOST = 20


async def credentials(request: Request) -> Credentials:
    """Return the credentials in the body, whichever of the two forms it has.

    Raises:
        HTTPException: 415, it has neither form.
        RequestValidationError: A field is missing or malformed.
    """
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media_type == _JSON:
            return Credentials.model_validate_json(body)
        if media_type == _FORM:
            return Credentials.model_validate(_fields(body))
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error
    raise HTTPException(415, f"the body is {media_type or 'of no stated type'}; expected {_JSON} or {_FORM}")


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_AT_MOST))
    except ValueError as error:
        fault = {"type": "form_invalid", "loc": ("body",), "msg": "not a form of at most 20 fields in UTF-8"}
        raise RequestValidationError([fault]) from error
    return fields


_SCHEMA = {"$ref": "#/components/schemas/Credentials"}
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {_JSON: {"schema": _SCHEMA}, _FORM: {"schema": _SCHEMA}}}
}
