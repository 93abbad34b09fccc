"""Rules that are shipped: a YAML file a set, each threshold with its source, and the way to read them."""
