"""Which accounts of a platform copy whose strategy, as the platform itself says."""
