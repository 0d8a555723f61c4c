"""What payments bring into the product."""

from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.ledger import queries as books
from app.payments import bundle, panels, permissions, queries, subscribers
from app.payments.models import Deposit, Withdrawal
from app.payments.views import adjustments, cabinet, moves, office


def _waiting() -> int:
    return queries.waiting_count(Deposit) + queries.waiting_count(Withdrawal) + books.proposed_adjustments()


FEATURE = Feature(
    name="payments",
    label=_l("Payments"),
    blueprints={"cabinet": (cabinet.bp, moves.bp), "office": (office.bp, adjustments.bp)},
    menu=(
        MenuEntry("cabinet", _l("Wallets"), "payments_cabinet.wallets", "wallet", 30, permissions.OWN),
        MenuEntry("cabinet", _l("Deposit"), "payments_cabinet.deposit", "transfer-in", 31, permissions.OWN, phone=True),
        MenuEntry("cabinet", _l("Withdraw"), "payments_cabinet.withdraw", "transfer-out", 32, permissions.OWN),
        MenuEntry("cabinet", _l("Transfer"), "payments_moves.transfer", "transfer", 33, permissions.OWN),
        MenuEntry("cabinet", _l("Convert"), "payments_moves.convert", "arrows-exchange", 34, permissions.OWN),
        MenuEntry("cabinet", _l("History"), "payments_moves.history", "history", 35, permissions.OWN, phone=True),
        MenuEntry(
            "office", _l("Payments"), "payments_office.home", "cash", 30, permissions.DEPOSIT_READ, badge=_waiting
        ),
    ),
    panels=panels.PANELS,
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    subscribers=subscribers.SUBSCRIBERS,
    bundle=bundle.SECTION,
)
