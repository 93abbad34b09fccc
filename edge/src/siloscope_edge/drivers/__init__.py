"""The drivers that come with the agent: each module is one, and holds a ``DRIVER``."""
