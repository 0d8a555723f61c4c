"""Servers on loopback that speak the real wire protocol of one outside system. They know nothing of the product's database."""
