"""The past through the same engine: when a rule would have fired."""
