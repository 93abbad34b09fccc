"""The ways out: a module per kind of channel. Each hands one message to one service and says how that went."""
