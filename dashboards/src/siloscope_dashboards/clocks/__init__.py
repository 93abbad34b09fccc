"""Clocks: what nodes' clocks did, and samples whose times are not believed."""
