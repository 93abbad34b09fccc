"""Nodes from afar: what each should be, what it is told to do, and what it says."""
