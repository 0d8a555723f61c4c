"""What rates bring into the product."""

from app.core.features import Feature
from app.rates.bundle import SECTION
from app.rates.cli import rates

FEATURE = Feature(name="rates", bundle=SECTION, cli=(rates,))
