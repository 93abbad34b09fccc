"""What the edge says of its spool and its disk is what the shipped rules read: from the vital to the alert."""

from pathlib import Path
from typing import Any

import msgspec
from psycopg import AsyncConnection

from siloscope_alerting.rulesets.shipped import shipped
from siloscope_contract.packs import Sample
from siloscope_edge import announcing, installation, vitals
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.gauging import Gauges
from siloscope_edge.machine import THIS_MACHINE
from siloscope_store.registry import register_birth
from tests.alerting.conftest import AlertFarm
from tests.alerting.watch.evaluation import Evaluation
from tests.edge.test_documents import CONFIG

RULES = {rule.rule: rule for rule in shipped("platform")}


def written(farm: AlertFarm, sample: Sample) -> None:
    """Write a sample as the newest readings of the agent's device, each at its channel's position."""
    positions = farm.connection.execute(
        "SELECT c.key, c.position, c.group_id FROM channel AS c JOIN device AS d ON d.device_id = c.device_id "
        "WHERE d.slug = %s",
        (VITALS_DEVICE,),
    ).fetchall()
    told = dict(zip(sample.names, sample.values, strict=True))
    values = [told.get(key) for key, _, _ in sorted(positions, key=lambda row: row[1])]
    farm.connection.execute(
        'INSERT INTO latest (group_id, times, "values") '
        "VALUES (%s, array_fill(clock_timestamp(), ARRAY[cardinality(%s::float8[])]), %s) "
        'ON CONFLICT (group_id) DO UPDATE SET times = excluded.times, "values" = excluded."values", '
        "changed_by = pg_current_xact_id()",
        (positions[0][2], values, values),
    )


async def test_a_spool_that_fills_fires_the_shipped_rule_and_one_that_empties_clears_it(
    evaluation: Evaluation, alert_farm: AlertFarm, connection: AsyncConnection[Any], tmp_path: Path
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG)
    (agent,) = [each for each in announcing.devices(installation.read(file)) if each.name == VITALS_DEVICE]
    await register_birth(connection, alert_farm.node_id, agent)
    rule = msgspec.structs.asdict(RULES["spool-fills"])
    evaluation.rule(**{"slug": rule.pop("rule"), **{key: msgspec.to_builtins(value) for key, value in rule.items()}})
    for share, states in ((0.69, []), (0.71, ["firing"]), (0.6, ["firing"]), (0.4, ["resolved"])):
        sample = vitals.sample(tmp_path, 0, 1.0, 2, Gauges(spool_share=share), THIS_MACHINE)
        written(alert_farm, sample)
        evaluation.clock.advance(60)  # figures are looked at now and then
        await evaluation.turn()
        assert [state for state, _ in evaluation.states()] == states
        assert sample.device == VITALS_DEVICE


def test_every_vital_that_a_shipped_rule_selects_is_published() -> None:
    selected = {key for rule in RULES.values() if rule.select.vitals for key in rule.select.channels or ()}
    assert selected
    assert selected <= {channel.key for channel in vitals.CHANNELS}
