"""Fuzzing by hand of what decodes packs, reads by recipes and cuts packets: docs/testing.md."""
