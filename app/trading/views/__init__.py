"""Pages of trading."""
