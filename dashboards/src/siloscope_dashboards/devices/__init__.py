"""Devices: the physical instruments behind a site's nodes."""
