"""Finding what was kept: events, calls, conversations, counts, and the index behind them."""
