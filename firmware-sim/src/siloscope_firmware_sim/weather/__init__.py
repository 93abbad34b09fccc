"""The weather: real observations, replayed."""
