"""What tenancy brings into the product: the commands that keep tenants as their bundles say."""

from app.core.features import Feature
from app.tenancy.cli import tenants

FEATURE = Feature(name="tenancy", cli=(tenants,))
