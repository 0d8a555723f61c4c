"""The end-of-day run: the rules of `app.partners.rules` over many rows, set-based, every step safe to run again."""
