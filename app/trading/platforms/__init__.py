"""Trading platforms: one port in our words, and one folder per platform that speaks it."""
