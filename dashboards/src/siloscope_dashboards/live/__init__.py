"""Live updates: one poll of the database per process, fanned out to every listening page."""
