"""Messages: whom, when, in which words, and the ways to them."""
