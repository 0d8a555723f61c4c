"""The pages of findings, for staff."""
