"""How long what is kept, what would go, and what has gone."""
