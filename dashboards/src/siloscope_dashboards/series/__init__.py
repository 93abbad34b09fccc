"""Series: what a channel measured over a span of time."""
