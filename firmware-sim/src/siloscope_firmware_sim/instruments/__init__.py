"""The instruments: what each answers, byte by byte. What they measure is a function that the farm hands them."""
