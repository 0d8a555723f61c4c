"""Adopting what a platform has: runs that read it, whose each login is, and taking it into the books."""
