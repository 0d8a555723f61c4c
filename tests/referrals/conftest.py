"""The same two tenants as for settlement: who is moved in the tree is who gets paid."""

from tests.partners.conftest import here, pays

__all__ = ["here", "pays"]
