"""What the ledger brings into the product: permissions, the nightly proof, commands. Its pages hang in payments."""

from app.core.features import Feature
from app.kit.text import _l
from app.ledger import cli, permissions

FEATURE = Feature(
    name="ledger",
    label=_l("Adjustments"),
    permissions=permissions.PERMISSIONS,
    jobs=("app.ledger.jobs",),
    cli=(cli.ledger,),
)
