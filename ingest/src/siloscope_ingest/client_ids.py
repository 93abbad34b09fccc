"""Under which client id a worker connects to the MQTT broker.

A broker lets whoever connects with a client id push off the session that has it, and neither Mosquitto nor NATS can
hold each client id to a user. So a worker's client id cannot be known without its password.
"""

from hashlib import blake2b


def client_id(worker: str, password: str | None) -> str:
    """Return the client id of a worker: the same after each start, as its session is kept under it.

    >>> client_id("one", "secret") == client_id("one", "secret") != client_id("one", "other")
    True
    """
    secret = blake2b(
        (password or "").encode(), digest_size=8, person=b"mqtt client id", key=worker.encode()
    ).hexdigest()
    return f"siloscope-ingest-{worker}-{secret}"
