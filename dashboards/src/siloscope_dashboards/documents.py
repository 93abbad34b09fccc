"""Rules, routes and other documents of the contract in a request's body: refused in the words that files get."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from siloscope_contract.alerts.validation import Problem, unfit_values
from siloscope_dashboards.errors import Fault, Malformed
from siloscope_process.documents import Document, spelled
from siloscope_process.documents import Fault as DocumentFault

T = TypeVar("T", bound=msgspec.Struct)
SCHEMAS = "#/components/schemas/alerting.{name}"


def read(kind: type[T], found: dict[str, Any], place: str = "body") -> T:
    """Return a part of the body as a document.

    Raises:
        Malformed: It is none, and at which place.
    """

    def refusal(fault: DocumentFault) -> Exception:
        return refused(place, [Problem(fault.path, fault.found, fault.expected)])

    document = Document("", Path(place), refusal)
    document.data = found
    converted = document.convert(kind)
    if unfit := unfit_values(converted):
        raise refused(place, unfit)
    return converted


def refused(place: str, problems: Iterable[Problem]) -> Malformed:
    """Return the error for a document that cannot be meant."""
    return faults_of(place, [(each, None) for each in problems])


def faults_of(place: str, problems: Iterable[tuple[Problem, int | None]]) -> Malformed:
    """Return the error for a document that cannot be meant, with the line of each problem where it has one."""
    faults = [
        Fault(
            ".".join(part for part in (place, spelled(each.path)) if part), f"{each.expected}, found {each.found}", line
        )
        for each, line in problems
    ]
    return Malformed("; ".join(f"{fault.place}: expected {fault.expected}" for fault in faults), faults=faults)


def body_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose whole body is a document."""
    schema = {"$ref": SCHEMAS.format(name=kind.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def schemas(kinds: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    """Return what OpenAPI's components say of documents; their names are apart from those of the answers."""
    _, components = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(components))  # its tuples as the lists they become
    return {f"alerting.{name}": schema for name, schema in plain.items()}
