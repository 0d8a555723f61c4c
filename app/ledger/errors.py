"""What the ledger refuses."""

from __future__ import annotations

from uuid import UUID

from app.core.errors import Conflict, DomainError, NotFound
from app.kit.text import _l


class InsufficientFunds(DomainError):
    """A wallet would fall below its floor. Nothing was moved."""

    status_code = 422
    message = _l("There is not enough money in this wallet. Nothing has been moved.")
    field = "amount"
    wallet_id: UUID | None = None


class KeyReused(Conflict):
    """The same idempotency key came with other content: a form changed and sent again, or a programming error."""

    message = _l(
        "This request was already sent with other values. Reload the page and start again; nothing has been moved."
    )


class WalletMissing(NotFound):
    """A line names a wallet that this tenant does not have."""


class CurrencyMismatch(DomainError):
    """A line's currency is not its wallet's."""

    status_code = 422
    message = _l("The wallet holds another currency.")


class Unbalanced(DomainError):
    """The lines do not sum to zero per currency: a programming error that the database refuses as well."""

    status_code = 500
    message = _l("The entry does not balance. Nothing has been moved.")


class AlreadyReversed(Conflict):
    message = _l("This entry has already been reversed.")


class NotReversible(DomainError):
    """Entries of a hold are undone by capturing or voiding the hold; a reversal is not reversed."""

    status_code = 422
    message = _l("This entry cannot be reversed.")


class HoldClosed(Conflict):
    message = _l("This money is no longer held. Reload the page to see what has happened.")


class HoldExceeded(DomainError):
    status_code = 422
    message = _l("This is more than is still held.")
    field = "amount"


class AdjustmentDecided(Conflict):
    message = _l("Somebody has already decided this adjustment.")


class SamePerson(DomainError):
    """The second step must be somebody else's."""

    status_code = 403
    message = _l("You proposed this adjustment. Another person must approve it.")
