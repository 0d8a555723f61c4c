"""Servers on loopback that speak the real wire protocol of one outside system and know nothing of ours."""
