"""What the gateway counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class Metrics:
    """The gateway's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "siloscope_gateway_published_configurations", "Desired configurations published", registry=registry
        )
        self.sent = Counter("siloscope_gateway_sent_commands", "Commands sent, again too", registry=registry)
        self.states = Counter(
            "siloscope_gateway_configuration_states", "States of configurations heard", registry=registry
        )
        self.results = Counter(
            "siloscope_gateway_command_results", "Results of commands, by outcome", ["outcome"], registry=registry
        )
        self.refused = Counter(
            "siloscope_gateway_refused_answers", "Answers that cannot be read, by reason", ["reason"], registry=registry
        )
