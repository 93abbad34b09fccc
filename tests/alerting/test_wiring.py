"""The whole of alerting in one process, from a sample's commit to a mail, on the machine's clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from siloscope_alerting.notify.service import http_client
from siloscope_alerting.settings import AlertingSettings
from siloscope_alerting.wiring import Alerting
from siloscope_contract.alerts.routes import Step
from siloscope_process.clock import SystemClock
from siloscope_process.operations import Health
from tests.alerting.conftest import AlertFarm
from tests.alerting.notify.mailbox import Mailbox, receiving_mail
from tests.alerting.notify.world import World
from tests.ingest.waiting import eventually


@asynccontextmanager
async def running(farm: AlertFarm, mailbox: Mailbox) -> AsyncIterator[CollectorRegistry]:
    """Run alerting; stop it as SIGTERM does."""
    settings = AlertingSettings(database_url=farm.url, smtp_url=mailbox.url, evaluate_every_s=0.05)
    registry, health, stop = CollectorRegistry(), Health(["database"]), asyncio.Event()
    async with http_client() as client:
        work = asyncio.create_task(Alerting(settings, SystemClock(), health, registry).run(stop, client))
        try:
            await eventually(lambda: _rounds(registry) > 0 or work.done(), lambda: _rounds(registry))
            yield registry
            assert health.ready
        finally:
            stop.set()
            await work


def _rounds(registry: CollectorRegistry) -> float:
    return registry.get_sample_value("siloscope_alert_rounds_total") or 0.0


@pytest.mark.parametrize("database_home", ["postgres"], indirect=True)
async def test_a_hot_bin_reaches_a_mailbox_once_through_restarts(alert_farm: AlertFarm) -> None:
    farm = alert_farm
    farm.ingest_runs()
    farm.hear()
    world = World(farm.connection, farm.org_id, farm.site_id, farm.node_id)
    world.rule("hot", condition={"kind": "threshold", "above": 30.0})
    async with receiving_mail() as mailbox:
        world.channel("mail", "email", ["farmer@example.org"])
        world.route("all", [Step(channels=("mail",))])
        async with running(farm, mailbox):
            farm.latest(farm.cables[0], farm.now(), [31.5, 20.0, 20.0, 20.0, 20.0, 20.0])
            await eventually(lambda: bool(mailbox.mails), lambda: world.outbox())
        for _ in range(3):
            async with running(farm, mailbox) as registry:
                assert registry.get_sample_value("siloscope_alert_leads") == 1
        assert len(mailbox.mails) == 1
    (mail,) = mailbox.mails
    assert "Too hot" in str(mail["Subject"])
    text = mail.get_body(("plain",))
    assert text is not None
    assert "31.5" in text.get_content()
