"""How long what is kept: what an organisation set, what would go, and how it goes."""
