"""Accounts and deals that were on a platform before us: read in, matched to clients, taken into the books."""
