"""Alerts: what is open, what was, and what people do about them."""
