"""What `create_app` is given and every route may ask for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from siloscope_dashboards.auth.sessions import Sessions
from siloscope_dashboards.auth.tokens import AccessTokens
from siloscope_dashboards.live.hub import Hub
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_dashboards.page.assets import Assets
from siloscope_dashboards.ports import (
    Accounts,
    AlertDesk,
    ChangeSource,
    Mending,
    NodeDesk,
    Notifying,
    Readings,
    RetentionDesk,
    Rulebook,
)
from siloscope_process.clock import Clock


@dataclass(frozen=True)
class Wiring:
    """The app's parts, made by `main` or by a test."""

    readings: Readings
    mending: Mending
    alerts: AlertDesk
    rulebook: Rulebook
    notifying: Notifying
    nodes: NodeDesk
    retention: RetentionDesk
    changes: ChangeSource
    accounts: Accounts
    sessions: Sessions
    tokens: AccessTokens
    hub: Hub
    metrics: Metrics
    assets: Assets
    clock: Clock


async def wiring(request: Request) -> Wiring:
    """Return the parts of the app that serves this request."""
    parts: Wiring = request.app.state.wiring
    return parts


async def readings(request: Request) -> Readings:
    """Return the read path."""
    return (await wiring(request)).readings


ReadingsPort = Annotated[Readings, Depends(readings)]


async def mending(request: Request) -> Mending:
    """Return what needs a person's hand."""
    return (await wiring(request)).mending


MendingPort = Annotated[Mending, Depends(mending)]


async def alerts(request: Request) -> AlertDesk:
    """Return alerts and silences."""
    return (await wiring(request)).alerts


AlertsPort = Annotated[AlertDesk, Depends(alerts)]


async def rulebook(request: Request) -> Rulebook:
    """Return the rules."""
    return (await wiring(request)).rulebook


RulesPort = Annotated[Rulebook, Depends(rulebook)]


async def notifying(request: Request) -> Notifying:
    """Return who is told, and what goes out."""
    return (await wiring(request)).notifying


NotifyingPort = Annotated[Notifying, Depends(notifying)]


async def nodes(request: Request) -> NodeDesk:
    """Return what nodes should be and are told to do."""
    return (await wiring(request)).nodes


NodesPort = Annotated[NodeDesk, Depends(nodes)]


async def retention(request: Request) -> RetentionDesk:
    """Return how long what is kept."""
    return (await wiring(request)).retention


RetentionPort = Annotated[RetentionDesk, Depends(retention)]


WiringPort = Annotated[Wiring, Depends(wiring)]
