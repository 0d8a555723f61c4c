"""A partner's own part of the sponsor tree, as pages of the portal."""
