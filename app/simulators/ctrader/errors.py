"""Refusals: the platform's error names."""

from __future__ import annotations


class Refusal(Exception):
    """The platform says no. Nothing has changed, and the connection stays."""

    def __init__(self, code: str, description: str = "", *, retry_after: int = 0) -> None:
        super().__init__(f"{code} {description}".rstrip())
        self.code, self.description, self.retry_after = code, description, retry_after
