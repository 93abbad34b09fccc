"""History through the same engine: when a rule would have fired, for how long, and whom it would have paged."""
