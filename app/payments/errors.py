"""What payments refuse. Each sentence says what was not done to the money."""

from __future__ import annotations

from app.core.errors import Conflict, DomainError, Forbidden, Invalid
from app.kit.text import _l


class CurrencyNotOffered(Invalid):
    message = _l("This currency is not offered.")
    field = "currency"


class AmountTooSmall(Invalid):
    message = _l("The least amount is %(limit)s.")
    field = "amount"


class AmountTooLarge(Invalid):
    message = _l("The greatest amount is %(limit)s.")
    field = "amount"


class AlreadyDecided(Conflict):
    message = _l("Somebody has already decided this payment. Nothing has been changed.")


class StalePayment(Conflict):
    message = _l("This payment has changed since you opened the page. Look at it again; nothing has been changed.")


class OwnEarlierStep(Forbidden):
    """One person never gives both approvals."""

    message = _l("You gave the first approval. Another person must give the second.")


class ReceivedDiffers(Invalid):
    message = _l("The first approval says that %(received)s arrived. Approve the same amount, or reject the deposit.")
    field = "received"


class NotCancellable(Conflict):
    message = _l("This can no longer be cancelled.")


class ReasonNeeded(Invalid):
    message = _l("Choose a reason.")
    field = "reason"


class ProofNotWanted(Conflict):
    message = _l("This deposit takes no proof any more.")


class RepeatedForm(Conflict):
    message = _l("This form was already sent with other values. Reload the page; nothing has been moved twice.")


class ReferenceUsed(Invalid):
    message = _l("Another payout already has this bank reference.")
    field = "reference"


class SameCurrency(Invalid):
    message = _l("Choose two different currencies.")
    field = "to_currency"


class QuoteChanged(Conflict):
    message = _l("The rate has changed. You would now receive %(received)s. Nothing has been converted.")


class NothingReceived(Invalid):
    message = _l("This amount is too small to convert.")
    field = "amount"


class AccountNotUsable(DomainError):
    status_code = 422
    message = _l("This trading account cannot be used for transfers.")
    field = "account"


class WrongCurrency(Invalid):
    message = _l("The account's currency is not the wallet's. Convert the money first.")
    field = "account"
