"""Evaluation: pure, in event time, over columns; no I/O and no clock."""
