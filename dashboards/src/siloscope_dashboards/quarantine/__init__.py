"""Quarantine: messages that were refused, kept with their reason."""
