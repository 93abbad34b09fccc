"""The whole platform on one machine, and the servers it stands on."""
