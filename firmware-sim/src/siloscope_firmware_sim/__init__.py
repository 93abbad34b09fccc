"""Instruments that answer like the real ones, on real ports."""
