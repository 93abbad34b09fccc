"""What the API, the evaluator and the command line must agree on about alerts: the words, rules and routes. No I/O."""
