"""Sites: an organisation's farms, elevators, market halls and shops."""
