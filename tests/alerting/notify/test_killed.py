"""SIGKILL in the middle of a thousand messages: none is lost, and at most one per sender is repeated, with its key."""

import asyncio
import signal
import sys

import httpx2

from siloscope_store.connections import Pool
from tests.alerting.notify.conftest import notifying
from tests.alerting.notify.mailbox import receiving_mail
from tests.alerting.notify.receiver import Receiver
from tests.alerting.notify.test_delivery import sending, until
from tests.alerting.notify.world import World
from tests.house.repository import ROOT

MESSAGES = 500


async def test_a_killed_sender_loses_nothing(
    world: World, receiver: Receiver, pool: Pool, migrated_database_url: str, client: httpx2.AsyncClient
) -> None:
    hook = world.channel("hook", to=[receiver.url], secrets={"secret": "shared"})
    mail = world.channel("mail", "email", to=["ada@example.org"])
    keys = world.enqueue(hook, MESSAGES)
    mail_ids = [f"<{key}@siloscope>" for key in world.enqueue(mail, MESSAGES)]
    async with receiving_mail() as mailbox:
        command = (sys.executable, "-m", "tests.alerting.notify.victim", migrated_database_url)
        victim = await asyncio.create_subprocess_exec(
            *command, str(world.term()), mailbox.url, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await receiver.wait_for(MESSAGES // 5, within_s=90)
            await until(lambda: len(mailbox.mails) > 10)
        finally:
            victim.send_signal(signal.SIGKILL)
            await victim.wait()
        assert world.one("SELECT count(*) FROM notify_outbox WHERE state IN ('queued', 'sending')") > MESSAGES // 2
        assert len(receiver.requests) < MESSAGES, "it was killed in the middle"
        service = notifying(pool, migrated_database_url, client, smtp_url=mailbox.url)
        async with sending(service, world.term()), asyncio.timeout(90):
            while world.one("SELECT count(*) FROM notify_outbox WHERE state <> 'delivered'"):
                await asyncio.sleep(0.1)
    came = [request.headers["idempotency-key"] for request in receiver.requests]
    assert set(came) == set(keys)
    assert len(came) - len(keys) in (0, 1)
    assert set(mailbox.ids) == set(mail_ids)
    assert len(mailbox.ids) - len(mail_ids) in (0, 1)
