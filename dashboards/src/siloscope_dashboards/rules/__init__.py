"""Rules: what is watched, versioned."""
