"""What operators ask: alive, ready, numbers."""
