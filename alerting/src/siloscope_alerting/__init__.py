"""Rules, the life of an alert, notifications."""
