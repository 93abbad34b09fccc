"""How soon a silence is one."""

import pytest

from siloscope_alerting.columns import Catalogue
from siloscope_alerting.watch.judging import Judging
from siloscope_process.clock import from_ms
from siloscope_store.alert_feed import HeardNode, RawNews
from siloscope_store.ingest_presence import WorkerPresence
from tests.alerting.engine.stand import NODE, ORGANISATION, SITE, channel

NOW_MS = 1_000_000_000


def is_silent(ago_s: float, *told: dict[str, object], least_s: float) -> bool:
    """Say whether a node of these groups is silent of which nothing came for so long."""
    channels = [channel(number, **each) for number, each in enumerate(told, 1)]
    judging = Judging(round(least_s * 1000), from_ms(NOW_MS), {})
    judging.arrange(Catalogue(channels))
    came_ms = NOW_MS - round(ago_s * 1000)
    news = RawNews(
        now=from_ms(NOW_MS), snapshot="", generation="", groups=[],
        nodes=[HeardNode(NODE, ORGANISATION, SITE, from_ms(came_ms), False)],
        presence=[WorkerPresence("main", from_ms(NOW_MS), True, 0.0)], marks=None,
    )  # fmt: skip
    return bool(judging.judge(news, {each.group_id: came_ms for each in channels}).silent_nodes)


FAST = {"interval_s": 1.0, "allowance_s": 60.0}
SLOW = {"interval_s": 3600.0, "allowance_s": 7200.0}
VITALS = {"interval_s": 60.0, "allowance_s": 120.0, "vitals": True}


@pytest.mark.parametrize(
    ("groups", "least_s", "silent_after_s"),
    [
        pytest.param([FAST], 5, 5, id="as soon as it is asked for"),
        pytest.param([FAST, VITALS], 5, 5, id="vitals come once a minute, and wait for nobody"),
        pytest.param([FAST, VITALS], 120, 120, id="two minutes unless it is asked for"),
        pytest.param([VITALS], 5, 180, id="where vitals are all that is expected, they count"),
        pytest.param([FAST, SLOW], 5, 10_800, id="three intervals of all that is expected"),
        pytest.param(
            [{"interval_s": 1.0, "allowance_s": 30.0}], 5, 31, id="who says how late it delivers is waited for"
        ),
    ],
)
def test_a_node_is_silent_as_soon_as_the_setting_says(
    groups: list[dict[str, object]], least_s: float, silent_after_s: float
) -> None:
    assert not is_silent(silent_after_s - 0.1, *groups, least_s=least_s)
    assert is_silent(silent_after_s + 0.1, *groups, least_s=least_s)
