"""Drives the product as its users would: over HTTP, and through the simulators as traders. It sees only `kit`."""
