"""How the stream of samples and its one consumer are to be, and seeing to it that they are."""

from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from siloscope_contract import streams

ACK_WAIT_S = 30.0
_DAY_S = 86_400
_MOST_UNACKNOWLEDGED = 100_000
_MOST_REQUESTS = 512


@dataclass(frozen=True)
class StreamPlan:
    """What of the stream may be chosen.

    Attributes:
        replicas: On how many servers each message is kept.
        max_bytes: Beyond it the oldest go: their edges send them again, as they are in no watermark.
    """

    replicas: int
    max_bytes: int

    def stream(self) -> StreamConfig:
        """Return the stream's configuration: a message is kept until one worker has committed it, at most 7 days."""
        return StreamConfig(
            name=streams.STREAM,
            description="Siloscope: samples that no worker has committed yet",
            subjects=streams.subjects(),
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            num_replicas=self.replicas,
            max_bytes=self.max_bytes,
            max_age=7 * _DAY_S,
            duplicate_window=0.1,  # samples bear no message ids, and the least that NATS takes costs the least memory
        )


def consumer() -> ConsumerConfig:
    """Return the configuration of the consumer that all workers share."""
    return ConsumerConfig(
        durable_name=streams.CONSUMER,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_deliver=-1,
        max_ack_pending=_MOST_UNACKNOWLEDGED,
        max_waiting=_MOST_REQUESTS,
    )


async def arrange(context: JetStreamContext, plan: StreamPlan) -> None:
    """Make stream and consumer, or change them to what is planned; any number of workers may do so at once.

    Raises:
        nats.errors.Error: The cluster refuses it, or has no leader for now.
    """
    wanted = plan.stream()
    try:
        found = (await context.stream_info(streams.STREAM)).config
    except NotFoundError:
        await context.add_stream(wanted)
    else:
        if _chosen(found) != _chosen(wanted):
            await context.update_stream(wanted)
    await context.add_consumer(streams.STREAM, consumer())


def _chosen(config: StreamConfig) -> tuple[object, ...]:
    return sorted(config.subjects or ()), config.num_replicas, config.max_bytes, config.max_age, config.discard
