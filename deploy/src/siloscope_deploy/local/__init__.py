"""`siloscope up`: the whole platform on one machine, under one small supervisor."""
