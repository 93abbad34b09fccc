"""Completeness: what is missing of what was measured, and why."""
