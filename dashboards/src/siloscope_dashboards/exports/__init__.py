"""Exports: readings and roll-ups as a file."""
