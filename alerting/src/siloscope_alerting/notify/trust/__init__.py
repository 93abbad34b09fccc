"""Trust in silence: the regular message that all is quiet, and the heartbeat that says who watches is awake."""
