"""Under which client id a worker connects to the MQTT broker.

A broker lets whoever connects with a client id push off the session that has it, and neither Mosquitto nor NATS can
hold each client id to one user. So a worker's client id cannot be guessed.
"""

from hashlib import blake2b


def client_id(worker: str, secret: str) -> str:
    """Return the client id of a worker: the same after each start, as its session is kept under it.

    Args:
        worker: Its slug.
        secret: Known to the database alone.

    >>> client_id("one", "secret") == client_id("one", "secret") != client_id("one", "other")
    True
    """
    hashed = blake2b(secret.encode(), digest_size=12, person=b"mqtt client id", key=worker.encode())
    return f"siloscope-ingest-{worker}-{hashed.hexdigest()}"
