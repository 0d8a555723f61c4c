"""The forms of money. Amounts stay text until their currency is known; sentences come from our own validators."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l
from app.payments import bundle, rules
from app.trading.models import TradingAccount


def _offered() -> list[str]:
    return [entry.currency for entry in bundle.offered()]


class DepositForm(Form):
    currency = HiddenField(_l("Currency"), [OneOf(_offered)])
    amount = StringField(_l("Amount"), [Required()])


class ProofForm(Form):
    proof = FileField(_l("Proof of your transfer"))


class WithdrawForm(Form):
    currency = HiddenField(_l("Currency"), [OneOf(_offered)])
    amount = StringField(_l("Amount"), [Required()])
    holder = StringField(_l("Account holder"), [Required()])
    iban = StringField(_l("IBAN"), [Required()])
    bic = StringField(_l("BIC"))
    bank_name = StringField(_l("Bank"))


class TransferForm(Form):
    direction = RadioField(
        _l("Direction"),
        choices=[SelectChoice("to", _l("From wallet to account")), SelectChoice("from", _l("From account to wallet"))],
        default="to",
        validate_choice=False,
        validators=[OneOf(lambda: ("to", "from"))],
    )
    account = SelectField(_l("Trading account"), validate_choice=False)
    amount = StringField(_l("Amount"), [Required()])

    def offer(self, accounts: list[TradingAccount]) -> None:
        """Fill the list with the client's own accounts."""
        self.account.choices = [(str(account.id), f"{account.login} · {account.currency}") for account in accounts]
        self.account.validators = [Required(), OneOf(lambda: {str(account.id) for account in accounts})]


class ConvertForm(Form):
    from_currency = HiddenField(_l("You pay"), [OneOf(_offered)])
    to_currency = HiddenField(_l("You receive"), [OneOf(_offered)])
    amount = HiddenField(_l("Amount"), [Required()])
    expected = HiddenField(_l("You receive"), [Required()])


class VersionedForm(Form):
    """A decision on a payment: `version` is the state that the officer has seen."""

    version = HiddenField()

    @property
    def seen(self) -> int:
        """The version in the form; one that is no number is older than every state."""
        text = str(self.version.data or "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class ApproveDepositForm(VersionedForm):
    received = StringField(_l("Amount received"), [Required()])


class RejectDepositForm(VersionedForm):
    reason = SelectField(_l("Reason that the client reads"), validate_choice=False)
    note = TextAreaField(_l("Note for staff"))

    def offer(self) -> None:
        self.reason.choices = [("", _l("Choose a reason")), *rules.DEPOSIT_REASONS.items()]


class RejectWithdrawalForm(VersionedForm):
    reason = SelectField(_l("Reason that the client reads"), validate_choice=False)
    note = TextAreaField(_l("Note for staff"))

    def offer(self) -> None:
        self.reason.choices = [("", _l("Choose a reason")), *rules.WITHDRAWAL_REASONS.items()]


class ConfirmForm(VersionedForm):
    reference = StringField(_l("Bank reference of the payment"), [Required()])


class AdjustmentForm(Form):
    client_number = StringField(_l("Client number"), [Required()])
    currency = SelectField(_l("Currency"), validate_choice=False)
    direction = RadioField(
        _l("Direction"),
        choices=[SelectChoice("credit", _l("Give to the client")), SelectChoice("debit", _l("Take from the client"))],
        default="credit",
        validate_choice=False,
        validators=[OneOf(lambda: ("credit", "debit"))],
    )
    amount = StringField(_l("Amount"), [Required()])
    reason = TextAreaField(_l("Reason"), [Required()])

    def offer(self) -> None:
        self.currency.choices = [(code, code) for code in _offered()]
        self.currency.validators = [OneOf(_offered)]


class RejectAdjustmentForm(Form):
    note = TextAreaField(_l("Why you turn it down"), [Required()])
