"""Faults of instruments, lines and nodes: which happen when follows from a seed."""
