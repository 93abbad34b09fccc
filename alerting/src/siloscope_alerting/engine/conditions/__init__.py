"""The kinds of conditions, a module each; `judge` of `table` knows them all."""
