"""Sends in a process of its own, to be killed: `python -m tests.alerting.notify.victim DATABASE_URL TERM SMTP_URL`."""

import asyncio
import sys

from siloscope_alerting.notify.service import http_client
from siloscope_store.connections import async_pool
from tests.alerting.notify.conftest import notifying


async def send(url: str, term: int, smtp_url: str) -> None:
    async with async_pool(url) as pool, http_client() as client:
        await notifying(pool, url, client, smtp_url=smtp_url).run(term)


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
