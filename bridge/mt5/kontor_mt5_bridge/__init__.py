"""Sends what happens on a MetaTrader 5 trade server to Kontor, as it happens."""

VERSION = "1.0.0"
