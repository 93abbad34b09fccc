"""Roll-ups: what a group's samples held in five minutes, an hour, or a local day; computed once a bucket has closed."""
