"""Calling a URL nearby: one bounded HTTP request, to this machine or a private network unless the file allows more.

The name is resolved once and every address of it judged; the connection goes to an address that was judged, so that a
name that changes its mind leads nowhere else. Redirections are not followed, and no proxy is asked.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from siloscope_contract.quality import Quality
from siloscope_edge.alarms.outputs import Call
from siloscope_edge.errors import ActionFailed

_MOST_HEAD_BYTES = 8192
_NEAR = tuple(
    map(
        ipaddress.ip_network,
        (
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "100.64.0.0/10",  # carriers and overlay networks use it between machines of one owner
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)


def obstacle(call: Call, *, allow_public: bool) -> str:
    """Return what is wrong with a call as it is written; an empty text where nothing is."""
    try:
        url = urlsplit(call.url)
        port = url.port
    except ValueError as error:
        return f"a URL: {error}"
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        return "a URL of http or https with a host"
    if url.username is not None or url.password is not None:
        return "a URL without a user and a password in it"
    if any(not "!" <= each <= "~" for each in call.url):
        return "a URL of printable ASCII"
    if call.json is not None and call.method != "POST":
        return "method POST where there is a json body"
    return "" if allow_public or not _is_public(url.hostname) else "a host on this machine or a private network"


def shown(call: Call) -> str:
    """Return a call as it may be shown and logged: what stands behind a question mark may be a secret."""
    url = urlsplit(call.url)
    return f"{call.method} {url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}{'?…' if url.query else ''}"


async def made(call: Call, said: dict[str, Any], *, timeout_s: float, allow_public: bool) -> None:
    """Make a call.

    Args:
        call: What is called.
        said: The body of a POST that has none of its own.
        timeout_s: How long all of it may take.
        allow_public: Whether any address may be called.

    Raises:
        ActionFailed: There was no answer of 2xx in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await _addresses(urlsplit(call.url), allow_public=allow_public)
            status = await _status(urlsplit(call.url), addresses, _request(call, said), timeout_s / len(addresses))
    except TimeoutError:
        raise _failed(call, f"no answer within {timeout_s:g} s") from None
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:  # a name can be none
        raise _failed(call, f"{error or type(error).__name__}") from error
    if not 200 <= status < 300:
        raise ActionFailed(Quality.DEVICE_EXCEPTION, f"{shown(call)}: answered {status}")


async def _status(url: SplitResult, addresses: Sequence[str], request: bytes, connect_within_s: float) -> int:
    reader, writer = await _connected(url, addresses, connect_within_s)
    try:
        writer.write(request)
        await writer.drain()
        first = await reader.readuntil(b"\n")
    finally:
        writer.transport.abort()
    version, _, rest = first.partition(b" ")
    code = rest[:3]
    if not version.startswith(b"HTTP/1.") or not code.isdigit() or rest[3:4] not in (b" ", b"\r", b"\n"):
        raise OSError(f"no answer of HTTP: {first[:40]!r}")
    return int(code)


async def _connected(
    url: SplitResult, addresses: Sequence[str], within_s: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that takes it: ``localhost`` is two, and what listens there often has but one."""
    context = ssl.create_default_context() if url.scheme == "https" else None
    name = url.hostname if context is not None else None
    for at, address in enumerate(addresses, start=1):
        is_last = at == len(addresses)
        try:
            async with asyncio.timeout(None if is_last else within_s):
                return await asyncio.open_connection(
                    address, _port(url), limit=_MOST_HEAD_BYTES, ssl=context, server_hostname=name
                )
        except OSError:  # TimeoutError is one
            if is_last:
                raise
    raise AssertionError("a name that is resolved has an address")


async def _addresses(url: SplitResult, *, allow_public: bool) -> list[str]:
    host = url.hostname or ""
    found = await asyncio.get_running_loop().getaddrinfo(host, _port(url), type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for *_, address in found]
    if not allow_public:
        for address in addresses:
            if _is_public(address):
                raise OSError(
                    f"{host} is {address}, neither this machine nor a private network; allow_public: true allows it"
                )
    return addresses


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _is_public(host: str) -> bool:
    """Say whether a literal address is a public one; a name is judged when it is resolved."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return not any(mapped in network for network in _NEAR)


def _request(call: Call, said: dict[str, Any]) -> bytes:
    url = urlsplit(call.url)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = [f"{call.method} {target} HTTP/1.1", f"Host: {url.netloc}", "User-Agent: siloscope-edge", "Accept: */*"]
    body = b""
    if call.method == "POST":
        body = msgspec.json.encode(call.json if call.json is not None else said)
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("ascii") + body


def _failed(call: Call, detail: str) -> ActionFailed:
    return ActionFailed(Quality.COMM_FAILURE, f"{shown(call)}: {detail}")
