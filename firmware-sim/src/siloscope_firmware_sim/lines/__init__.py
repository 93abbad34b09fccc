"""The ports: where bytes enter and leave."""
