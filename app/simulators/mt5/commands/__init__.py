"""The commands of the Web API. Importing this package registers all of them."""

from app.simulators.mt5.commands import catalogue, daily, dealer, messages, money, names, prices, trades, users

__all__ = ["catalogue", "daily", "dealer", "messages", "money", "names", "prices", "trades", "users"]
