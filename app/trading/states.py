"""What accounts and operations can be, with their names for people."""

from __future__ import annotations

from enum import StrEnum

from app.kit.text import Message, _l, _lp


class AccountStatus(StrEnum):
    OPENING = "opening"
    ACTIVE = "active"
    REFUSED = "refused"
    ARCHIVED = "archived"

    @property
    def label(self) -> Message:
        return {
            "opening": _l("Being opened"),
            "active": _lp("trading account", "Active"),
            "refused": _l("Not opened"),
            "archived": _lp("trading account", "Archived"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {"opening": "warning", "active": "success", "refused": "danger", "archived": "secondary"}[self.value]


class OperationKind(StrEnum):
    OPEN_ACCOUNT = "open_account"
    SET_LEVERAGE = "set_leverage"
    SET_GROUP = "set_group"
    SET_TYPE = "set_type"
    SET_RIGHTS = "set_rights"
    CHANGE_PASSWORD = "change_password"  # noqa: S105
    FUND = "fund"
    WITHDRAW = "withdraw"
    DEMO_DEPOSIT = "demo_deposit"
    CREDIT_IN = "credit_in"
    CREDIT_OUT = "credit_out"
    CORRECT_IN = "correct_in"
    CORRECT_OUT = "correct_out"
    ARCHIVE_ACCOUNT = "archive_account"
    RESTORE_ACCOUNT = "restore_account"

    @property
    def label(self) -> Message:
        return {
            "open_account": _l("Open account"),
            "set_leverage": _l("Change leverage"),
            "set_group": _l("Move to another group"),
            "set_type": _l("Change account type"),
            "set_rights": _l("Change trading rights"),
            "change_password": _l("Change password"),
            "fund": _l("Move money to the account"),
            "withdraw": _l("Move money from the account"),
            "demo_deposit": _l("Fill the demo account"),
            "credit_in": _l("Give credit"),
            "credit_out": _l("Take credit back"),
            "correct_in": _l("Put money back that was taken by hand"),
            "correct_out": _l("Take money back that was put there by hand"),
            "archive_account": _l("Archive account"),
            "restore_account": _l("Restore account"),
        }[self.value]

    @property
    def moves_money(self) -> bool:
        return self in (
            OperationKind.FUND,
            OperationKind.WITHDRAW,
            OperationKind.DEMO_DEPOSIT,
            OperationKind.CORRECT_IN,
            OperationKind.CORRECT_OUT,
        )

    @property
    def takes(self) -> bool:
        """Whether the sum leaves the account; otherwise it arrives there."""
        return self in (OperationKind.WITHDRAW, OperationKind.CREDIT_OUT, OperationKind.CORRECT_OUT)

    @property
    def changes_figures(self) -> bool:
        """Whether balance, credit or margin are others afterwards."""
        return self.moves_money or self.is_credit or self in (OperationKind.SET_LEVERAGE, OperationKind.RESTORE_ACCOUNT)

    @property
    def is_credit(self) -> bool:
        """Credit trades but is nobody's money: the books do not know it."""
        return self in (OperationKind.CREDIT_IN, OperationKind.CREDIT_OUT)


class OperationState(StrEnum):
    """`unknown` is neither done nor failed: the platform did not answer. `reconciled` was unknown, and then found
    done. `proposed` waits for a second person before it is requested."""

    PROPOSED = "proposed"
    REQUESTED = "requested"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    RECONCILED = "reconciled"

    @property
    def is_final(self) -> bool:
        return self in (OperationState.CONFIRMED, OperationState.REFUSED, OperationState.RECONCILED)

    @property
    def is_done(self) -> bool:
        return self in (OperationState.CONFIRMED, OperationState.RECONCILED)

    @property
    def label(self) -> Message:
        return {
            "proposed": _l("Waits for a second person"),
            "requested": _l("Waits to be sent"),
            "sent": _lp("operation", "Sent"),
            "confirmed": _lp("operation", "Done"),
            "refused": _lp("operation", "Refused"),
            "unknown": _l("Outcome unknown"),
            "reconciled": _l("Done, found by looking"),
        }[self.value]

    @property
    def tone(self) -> str:
        return {
            "proposed": "warning",
            "requested": "secondary",
            "sent": "info",
            "confirmed": "success",
            "refused": "danger",
            "unknown": "warning",
            "reconciled": "success",
        }[self.value]
