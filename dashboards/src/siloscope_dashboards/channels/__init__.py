"""Channels: one measured quantity each, with its latest reading."""
