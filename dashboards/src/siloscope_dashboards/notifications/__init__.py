"""Who is told: channels, routes, digests, and what went out."""
