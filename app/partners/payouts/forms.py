"""The forms of payouts."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from wtforms import HiddenField, SelectField, StringField, TextAreaField

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l
from app.trading.models import TradingAccount


class WalletPayoutForm(Form):
    currency = HiddenField(_l("Currency"))
    amount = StringField(_l("Amount"), [Required()])


class AccountPayoutForm(WalletPayoutForm):
    account = SelectField(_l("Trading account"), validate_choice=False)

    def offer(self, accounts: list[TradingAccount]) -> None:
        """Fill the list with the partner's own accounts."""
        self.account.choices = [(str(account.id), f"{account.login} · {account.currency}") for account in accounts]
        self.account.validators = [Required(), OneOf(lambda: {str(account.id) for account in accounts})]

    @property
    def account_id(self) -> UUID:
        """The chosen account; only after the form was found right."""
        return UUID(str(self.account.data))


class BankPayoutForm(WalletPayoutForm):
    holder = StringField(_l("Account holder"), [Required()])
    iban = StringField(_l("IBAN"), [Required()])
    bic = StringField(_l("BIC"))
    bank_name = StringField(_l("Bank"))


class DecideForm(Form):
    """A decision about a payout: `version` is the state that the officer has seen."""

    version = HiddenField()

    @property
    def seen(self) -> int:
        """The version in the form; one that is no number is older than every state."""
        text = str(self.version.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class RejectPayoutForm(DecideForm):
    reason = TextAreaField(_l("Reason that the partner reads"), [Required()])


class EarlyReleaseForm(Form):
    day = SelectField(_l("Settlement day"), validate_choice=False)
    reason = TextAreaField(_l("Reason"), [Required()])

    def offer(self, days: list[date]) -> None:
        """Fill the list with the days that have money under audit."""
        self.day.choices = [(day.isoformat(), day.isoformat()) for day in days]


class RefuseEarlyForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()])
