"""What two Siloscope processes must agree on: names, topics, packs, units, quality and their errors. No I/O.

Admission test for anything in here: must two processes agree on it?
"""
