"""What nodes should be and do: from the database to the broker, and what they answer back."""
