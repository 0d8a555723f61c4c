"""Tiers, ranks and rates of a partner's own: what they say, how they are measured, and what they change."""
