"""The Manager API: what a broker's staff and its back office use."""
