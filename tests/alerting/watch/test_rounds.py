"""Rounds over a real database: each change once, whatever is killed in between, and whoever commits late."""

from datetime import timedelta

import pytest

from siloscope_alerting.errors import Fenced
from tests.alerting.conftest import another
from tests.alerting.watch.evaluation import Evaluation

HOT = {"kind": "threshold", "above": 30.0, "clear": 28.0}


async def test_a_hot_channel_fires_once_and_resolves(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    await evaluation.turn()
    farm.latest(farm.cables[0], farm.now(), [31.0, 20.0, 20.0, 20.0, 20.0, 20.0])
    await evaluation.turn()
    await evaluation.turn()
    assert evaluation.states() == [("firing", "held")]
    assert evaluation.told.kinds == ["firing"]
    farm.latest(farm.cables[0], farm.now(), [20.0] * 6)
    await evaluation.turn()
    assert evaluation.history() == ["pending firing clearing resolved"]
    assert evaluation.told.kinds == ["firing"]  # the resolve is told when it has lasted
