"""Commission abuse: who is probably one person, patterns that earn without risk, and what people decide about them."""
