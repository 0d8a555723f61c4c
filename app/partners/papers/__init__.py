"""A partner's statements of any days, and what was true at any instant: page, PDF and CSV from the same readings."""
