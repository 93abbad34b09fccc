"""`siloscope jobs`: what is done with stored samples by and by. Each job is a module here, listed in `wiring`."""
