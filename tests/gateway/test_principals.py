import pytest

from siloscope_contract.errors import MalformedName
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_gateway.principals import Principal, PrincipalKind

YARD = NodeName.of("demo", "north-farm", "yard")


def test_a_node_neither_writes_nor_reads_outside_its_prefix() -> None:
    permissions = Principal.of_node(YARD).permissions
    assert all(each.startswith("silo/v1/demo/north-farm/yard/") for each in permissions.publish + permissions.subscribe)


def test_a_node_cannot_say_what_is_committed() -> None:
    assert Topic(YARD, Kind.COMMITTED).text() not in Principal.of_node(YARD).permissions.publish


def test_a_site_credential_writes_samples_and_reads_nothing() -> None:
    permissions = Principal.of_site("demo", "north-farm").permissions
    assert permissions.publish == ("silo/v1/demo/north-farm/+/samples",)
    assert permissions.subscribe == ()


def test_only_ingest_writes_watermarks() -> None:
    assert Principal.ingest().permissions.publish == ("silo/v1/+/+/+/committed",)
    assert Principal.monitor().permissions.publish == ()


def test_a_malformed_site_is_refused() -> None:
    with pytest.raises(MalformedName):
        Principal.of_site("demo", "North Farm/#")


def test_a_principal_names_exactly_what_its_kind_needs() -> None:
    with pytest.raises(ValueError, match="node credential: expected an organisation, a site and a node"):
        Principal(PrincipalKind.NODE, YARD.org)
    with pytest.raises(ValueError, match="ingest credential: expected no organisation"):
        Principal(PrincipalKind.INGEST, YARD.org)


@pytest.mark.parametrize(
    ("principal", "label"),
    [
        (Principal.of_node(YARD), "node.demo.north-farm.yard"),
        (Principal.of_site("demo", "north-farm"), "site.demo.north-farm"),
        (Principal.ingest(), "ingest"),
    ],
)
def test_a_label_says_whose_it_is(principal: Principal, label: str) -> None:
    assert principal.label == label
