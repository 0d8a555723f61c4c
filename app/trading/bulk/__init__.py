"""Changing many accounts at once: chosen, looked at, confirmed, and carried out one operation after the other."""
