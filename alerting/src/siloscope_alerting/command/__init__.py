"""`siloscope alerts`: a module per subcommand, all listed in `main`."""
