"""What Siloscope adds to PostgreSQL's own backups: whether a server is set up for them, and what follows a restore."""
