"""What recorded acts are called on a client's timeline, which kind they are, and how they look."""

from __future__ import annotations

from app.kit.text import Message, _l

TITLES: dict[str, Message] = {
    "clients.register": _l("Client registered"),
    "clients.suspend": _l("Client suspended"),
    "clients.activate": _l("Suspension ended"),
    "clients.kyc.set": _l("Verification level set"),
    "clients.assign": _l("Client assigned"),
    "clients.note.add": _l("Note written"),
    "identity.register": _l("Signed up"),
    "identity.email.confirm": _l("Mailbox confirmed"),
    "identity.sign_in": _l("Signed in"),
    "identity.sign_out": _l("Signed out"),
    "identity.session.end": _l("Session ended"),
    "identity.password.change": _l("Password changed"),
    "identity.password.reset": _l("Password reset"),
    "identity.password.reset_requested": _l("Password reset requested"),
    "identity.profile.change": _l("Profile changed"),
    "ledger.adjustment.propose": _l("Adjustment proposed"),
    "ledger.adjustment.approve": _l("Adjustment approved"),
    "ledger.adjustment.reject": _l("Adjustment rejected"),
    "payments.deposit.request": _l("Deposit requested"),
    "payments.deposit.proof": _l("Proof of payment uploaded"),
    "payments.deposit.approve": _l("Deposit approved"),
    "payments.deposit.reject": _l("Deposit rejected"),
    "payments.deposit.cancel": _l("Deposit cancelled"),
    "payments.withdrawal.request": _l("Withdrawal requested"),
    "payments.withdrawal.approve": _l("Withdrawal approved"),
    "payments.withdrawal.confirm": _l("Withdrawal paid out"),
    "payments.withdrawal.reject": _l("Withdrawal rejected"),
    "payments.withdrawal.cancel": _l("Withdrawal cancelled"),
    "payments.transfer.to_account": _l("Transfer to a trading account"),
    "payments.transfer.from_account": _l("Transfer from a trading account"),
    "payments.transfer.conversion": _l("Money converted"),
    "partners.god_mode.grant": _l("God-mode rate set"),
    "partners.verdict": _l("Verdict on a trade"),
    "partners.payout": _l("Commission paid out"),
    "identity.invitation.accept": _l("Invitation accepted"),
    "referrals.attribute": _l("Attributed to a partner"),
    "referrals.move": _l("Moved to another partner"),
    "referrals.move.cancel": _l("Move called off"),
    "referrals.move.undo": _l("Move undone"),
    "referrals.reattribute.propose": _l("Correction of the partner proposed"),
    "referrals.reattribute.approve": _l("Partner corrected"),
    "referrals.reattribute.refuse": _l("Correction of the partner refused"),
    "restrictions.lock": _l("Function locked"),
    "restrictions.lift": _l("Lock lifted"),
    "trading.open_account.request": _l("Trading account requested"),
    "trading.open_account.done": _l("Trading account opened"),
    "trading.open_account.refused": _l("The platform refused the trading account"),
    "trading.set_leverage.request": _l("Leverage change requested"),
    "trading.set_leverage.done": _l("Leverage changed"),
    "trading.set_leverage.refused": _l("The platform refused the leverage"),
    "trading.set_rights.request": _l("Change of trading rights requested"),
    "trading.set_rights.done": _l("Trading rights changed"),
    "trading.set_rights.refused": _l("The platform refused the trading rights"),
    "trading.change_password.request": _l("Change of the trading password requested"),
    "trading.change_password.done": _l("Trading password changed"),
    "trading.change_password.refused": _l("The platform refused the trading password"),
    "trading.fund.request": _l("Transfer to a trading account requested"),
    "trading.fund.done": _l("Money moved to a trading account"),
    "trading.fund.refused": _l("The platform refused the money"),
    "trading.withdraw.request": _l("Transfer from a trading account requested"),
    "trading.withdraw.done": _l("Money moved from a trading account"),
    "trading.withdraw.refused": _l("The platform refused to give the money"),
    "trading.demo_deposit.request": _l("Play money requested"),
    "trading.demo_deposit.done": _l("Demo account filled"),
    "trading.demo_deposit.refused": _l("The platform refused the play money"),
    "trading.set_group.request": _l("Move to another group requested"),
    "trading.set_group.done": _l("Account moved to another group"),
    "trading.set_group.refused": _l("The platform refused the group"),
    "trading.set_type.request": _l("Change of the account type requested"),
    "trading.set_type.done": _l("Account type changed"),
    "trading.set_type.refused": _l("The platform refused the account type"),
    "trading.credit_in.propose": _l("Credit proposed"),
    "trading.credit_in.approve": _l("Credit approved by a second person"),
    "trading.credit_in.request": _l("Credit requested"),
    "trading.credit_in.done": _l("Credit given"),
    "trading.credit_in.refused": _l("Credit not given"),
    "trading.credit_out.propose": _l("Taking credit back proposed"),
    "trading.credit_out.approve": _l("Taking credit back approved by a second person"),
    "trading.credit_out.request": _l("Taking credit back requested"),
    "trading.credit_out.done": _l("Credit taken back"),
    "trading.credit_out.refused": _l("Credit not taken back"),
    "trading.archive_account.request": _l("Archiving of a trading account requested"),
    "trading.archive_account.done": _l("Trading account archived"),
    "trading.archive_account.refused": _l("Trading account not archived"),
    "trading.restore_account.request": _l("Restoring of a trading account requested"),
    "trading.restore_account.done": _l("Trading account restored"),
    "trading.restore_account.refused": _l("Trading account not restored"),
    "trading.account.withhold": _l("Rights of a trading account decided"),
    "trading.account.rename": _l("Trading account named"),
    "trading.account.refresh": _l("Trading account read from the platform"),
    "trading.access.drift": _l("Rights changed by hand on the platform"),
    "trading.deal.unmatched": _l("Unexplained money on the platform"),
    "trading.deal.resolved": _l("Unexplained money resolved"),
    "trading.suspense.propose": _l("Booking of unexplained money proposed"),
    "trading.suspense.carry_out": _l("Unexplained money booked"),
    "trading.suspense.reject": _l("Booking of unexplained money turned down"),
    "trading.suspense.take_back": _l("Booking of unexplained money taken back"),
    "trading.correct_in.request": _l("Money taken by hand is to be put back"),
    "trading.correct_in.done": _l("Money taken by hand was put back"),
    "trading.correct_in.refused": _l("The platform refused to put money back"),
    "trading.correct_out.request": _l("Money put there by hand is to be taken back"),
    "trading.correct_out.done": _l("Money put there by hand was taken back"),
    "trading.correct_out.refused": _l("The platform refused to take money back"),
    "trading.operation.state": _l("Said what became of a request on the platform"),
    "trading.adoption.assign": _l("Account on the platform matched"),
    "trading.adoption.adopt": _l("Account on the platform taken over"),
    "trading.operation.look_again": _l("Operation looked up on the platform"),
}
_KINDS = {
    "money": ("payments.", "ledger.", "partners."),
    "trading": ("trading.",),
    "compliance": ("restrictions.", "clients.kyc", "clients.suspend", "clients.activate"),
}
_ICONS = {
    "payments.deposit": "arrow-down-left",
    "payments.withdrawal": "arrow-up-right",
    "payments.": "arrows-exchange",
    "ledger.": "scale",
    "partners.": "percentage",
    "trading.": "chart-line",
    "restrictions.lock": "lock",
    "restrictions.lift": "lock-open",
    "referrals.": "sitemap",
    "clients.note": "note",
    "clients.kyc": "shield-check",
    "identity.sign_in": "login",
    "identity.password": "key",
}
_TONES = {
    ".refused": "danger",
    ".done": "success",
    ".reject": "danger",
    ".suspend": "danger",
    ".unmatched": "danger",
    "restrictions.lock": "danger",
    ".approve": "success",
    ".confirm": "success",
    ".activate": "success",
}
KINDS: dict[str, Message] = {
    "money": _l("Money"),
    "trading": _l("Trading"),
    "compliance": _l("Compliance"),
    "staff": _l("Staff and client"),
}


def title_of(action: str) -> Message:
    """The act in words; its code where nobody has found words yet."""
    return TITLES.get(action) or Message("%(code)s", {"code": action})


def kind_of(action: str) -> str:
    for kind, beginnings in _KINDS.items():
        if action.startswith(beginnings):
            return kind
    return "staff"


def icon_of(action: str) -> str:
    return next((icon for beginning, icon in _ICONS.items() if action.startswith(beginning)), "user")


def tone_of(action: str) -> str:
    return next((tone for part, tone in _TONES.items() if part in action), "neutral")
