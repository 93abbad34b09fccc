"""Who is asking: logins, tokens and the guard in front of every route."""
