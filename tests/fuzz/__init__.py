"""Fuzzing of the pack decoder, by hand: `python -m tests.fuzz.pack_decoder`."""
