"""The store says of a selector what the engine says: a rule is saved by the count that it watches by."""

from typing import Any

import msgspec
import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from siloscope_alerting.engine.subjects import meant
from siloscope_alerting.engine.table import Table
from siloscope_alerting.watch.catalogue import catalogue
from siloscope_contract.alerts.rules import Rule
from siloscope_store import alert_catalogue, alert_rules
from tests.alerting.conftest import AlertFarm

SELECTORS: list[dict[str, Any]] = [
    {},
    {"sites": ["yard"]},
    {"sites": ["yar*", "other"], "quantities": ["temperature"]},
    {"nodes": ["mast"]},
    {"devices": ["cable-*"], "channels": ["t1", "t2"]},
    {"places": ["bin-*"]},
    {"place_kinds": ["mast", "bin"]},
    {"spots": ["roof"]},
    {"covered": True},
    {"tags": {"crop": "wheat"}},
    {"tags": {"dry": "true", "fill_level": "3"}},
    {"tags": {"crop": "maize"}},
    {"vitals": True},
    {"channels": ["nothing"]},
]


@pytest.mark.parametrize("select", SELECTORS, ids=str)
async def test_the_store_means_what_the_engine_means(
    alert_farm: AlertFarm, connection: AsyncConnection[Any], select: dict[str, Any]
) -> None:
    alert_farm.group("vitals", [("temperature", "temperature", "Cel")], retention_class="vitals")
    alert_farm.connection.execute(
        "UPDATE place SET attributes = %s WHERE place_id = %s",
        (Jsonb({"crop": "wheat", "fill_level": 3, "dry": True}), alert_farm.bin_id),
    )
    condition = {"kind": "threshold", "above": 30, "where": {"quantities": ["temperature", "wind_*"]}}
    rule = msgspec.convert({"rule": "r", "name": "R", "select": select, "condition": condition}, Rule)
    channels = catalogue(await alert_catalogue.channels(connection), {})
    table = Table(channels)
    by_engine = meant(rule.select, table, org_id=alert_farm.org_id)
    wheres = ("temperature", "wind_speed")
    expected = {
        each.channel_id for each, is_meant in zip(channels.channels, by_engine, strict=True)
        if is_meant and each.quantity in wheres
    }  # fmt: skip
    assert set(await alert_rules.meant(connection, alert_farm.org_id, rule)) == expected
