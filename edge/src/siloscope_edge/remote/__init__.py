"""Configuration and commands that come from afar."""
