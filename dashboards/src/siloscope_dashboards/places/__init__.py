"""Places: the bins, cold rooms and masts that people care about."""
