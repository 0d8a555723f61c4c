"""The pages of disputes: the partner's own, and the desk's."""
