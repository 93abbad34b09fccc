"""Whether a request is from near by: a private address, and a name that no stranger's web page can take for its own."""

import ipaddress
from http import HTTPStatus

from siloscope_edge.page.page_settings import PageSettings
from siloscope_process.http_messages import Refused, Request

_NEAR = tuple(
    ipaddress.ip_network(each)
    for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
) + tuple(ipaddress.ip_network(each) for each in ("::1/128", "fc00::/7", "fe80::/10"))
"""RFC 1918, RFC 3927, RFC 4193, RFC 4291. 100.64.0.0/10 is not: there, behind a modem, live a provider's customers."""


class Admission:
    """Says who is answered.

    Args:
        settings: What is allowed beside.
        hostname: The machine's own name.
    """

    def __init__(self, settings: PageSettings, hostname: str) -> None:
        self._networks = _NEAR + tuple(ipaddress.ip_network(each) for each in settings.allow)
        own = hostname.lower()
        self._names = {"localhost", own, own.partition(".")[0] + ".local", *(each.lower() for each in settings.names)}

    def check(self, request: Request) -> None:
        """Let a request through.

        Raises:
            Refused: It comes from afar (403), or under a name that is not ours (421): a page of the internet can give
                its own name our address, and would then read what we answer.
        """
        if not self._is_near(request.peer):
            detail = f"{request.peer} is no private address; page.allow of the agent's configuration can admit it"
            raise Refused(HTTPStatus.FORBIDDEN, detail)
        host = request.headers.get("host", "")
        if not self._is_ours(host):
            detail = f"{host[:80]!r} is no name of this machine; ask by its address, or add the name to page.names"
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, detail)

    def _is_near(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            return any(address.ipv4_mapped in network for network in self._networks)
        return any(address in network for network in self._networks)

    def _is_ours(self, host: str) -> bool:
        """Whether nobody else can be meant: an address is no name that somebody could register."""
        name = _without_port(host.lower()).removesuffix(".")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _without_port(host: str) -> str:
    """Return the name or address of a Host.

    >>> _without_port("[fe80::1]:8180"), _without_port("10.0.0.7:8180"), _without_port("yard-pi")
    ('fe80::1', '10.0.0.7', 'yard-pi')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
