"""TLS to the broker: whom the agent believes, and the certificate that it shows."""

import os
import ssl
from typing import Annotated

from msgspec import Meta, Struct

from siloscope_edge.errors import LinkLost

Path = Annotated[str, Meta(min_length=1)]


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under ``mqtt.tls``; the broker's name is checked, always.

    Attributes:
        ca_file: Certificates of who may vouch for the broker; the machine's own unless told.
        certificate_file: The certificate that the agent shows, with those between it and its authority.
        key_file: Its key.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def based(self, directory: str) -> "Tls":
        """Return it with relative paths made absolute."""
        named = {name: getattr(self, name) for name in self.__struct_fields__}
        return Tls(**{name: os.path.join(directory, file) if file else None for name, file in named.items()})


def context(tls: Tls) -> ssl.SSLContext:
    """Return what a connection is made with; read anew for each, so that a renewed certificate needs no restart.

    Raises:
        LinkLost: A file cannot be read, or key and certificate do not belong together.
    """
    try:
        found = ssl.create_default_context(cafile=tls.ca_file)
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate_file is not None:
            found.load_cert_chain(tls.certificate_file, tls.key_file)
    except OSError as error:  # an SSLError is one
        files = ", ".join(file for file in (tls.ca_file, tls.certificate_file, tls.key_file) if file)
        raise LinkLost(f"mqtt.tls ({files}): {error}") from error
    return found
