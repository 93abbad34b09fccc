"""What is new in the database and what is kept there: lease, feed, absence, incidents."""
