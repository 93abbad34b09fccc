"""The servers that the platform stands on, started and stopped by hand: for `siloscope up`, tests and benchmarks.

Each has the same verbs: `start`, `stop`, `kill`, `url`, `pid`; the port and the data stay over a restart; all listen on
127.0.0.1 alone and ask for a password.
"""
