"""The small chart in a message and in a backtest."""
