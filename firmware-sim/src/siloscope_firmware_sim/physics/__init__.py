"""How bins and cold rooms behave. Pure: everything is a function of its parameters and of time."""
