"""Any of Apprise's services, by URL. The library is synchronous: it works in a thread."""

import asyncio
from collections.abc import Mapping
from typing import Any

import apprise

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.ports import Rendered
from siloscope_contract.alerts.routes import Channel

_KINDS = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}
_OF_THIS_MACHINE = frozenset(
    {"dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}  # they reach nobody but this host
)


class AppriseSender:
    """Sends by Apprise: no configuration files, no plugins from disk, nothing stored."""

    def __init__(self) -> None:
        self._asset = apprise.AppriseAsset(
            plugin_paths=[], storage_mode=apprise.PersistentStoreMode.MEMORY, async_mode=False, secure_logging=True,
            app_id="Siloscope", app_desc="Siloscope", app_url="",
        )  # fmt: skip

    async def send(self, channel: Channel, secrets: Mapping[str, str], message: Rendered) -> None:
        """Send one message.

        Raises:
            TryAgain: The service did not take it; Apprise does not say why.
            Undeliverable: The channel has no URL that Apprise understands.
        """
        url = secrets.get("url", "").strip()
        if url.partition("://")[0].lower() in _OF_THIS_MACHINE:
            raise Undeliverable(f"channel {channel.channel}: its service reaches nobody but this machine")
        kind = _KINDS.get(str(_severity(message.payload)), apprise.NotifyType.INFO)
        await asyncio.to_thread(self._notify, channel.channel, url, kind, message)

    def _notify(self, slug: str, url: str, kind: apprise.NotifyType, message: Rendered) -> None:
        # One at a time: of several in one text, each could be of this machine, and a failure would repeat the others.
        service = apprise.Apprise(asset=self._asset)
        only = apprise.Apprise.instantiate(url, asset=self._asset) if url else None
        if only is None or not service.add(only):
            raise Undeliverable(f"channel {slug}: its secret `url` is none that Apprise understands")
        text = message.text.removeprefix(message.title).strip() or message.title
        if not service.notify(body=text, title=message.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
            raise TryAgain("the service did not take it")


def _severity(payload: Mapping[str, Any]) -> object:
    incident = payload.get("incident")
    return incident.get("severity") if isinstance(incident, Mapping) else None
