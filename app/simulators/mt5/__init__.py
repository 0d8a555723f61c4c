"""A MetaTrader 5 trade server: Web API in both variants, trading, prices, and a bridge that pushes its events."""
