"""The books. `post` and `post_batch` are the only doors through which money moves; all else is built on them."""

from app.ledger.errors import (
    AdjustmentDecided,
    AlreadyReversed,
    CurrencyMismatch,
    HoldClosed,
    HoldExceeded,
    InsufficientFunds,
    KeyReused,
    NotReversible,
    SamePerson,
    Unbalanced,
    WalletMissing,
)
from app.ledger.models import Hold, JournalEntry, Wallet
from app.ledger.rules import HELD, MAIN, REDEEM, TEMPORARY, EntryDraft, Line, Owner
from app.ledger.service.adjustments import approve_adjustment, propose_adjustment, reject_adjustment
from app.ledger.service.holds import capture_hold, place_hold, void_hold
from app.ledger.service.posting import (
    BatchResult,
    PostedEntry,
    business_date_now,
    post,
    post_batch,
    post_slice,
    reverse,
)
from app.ledger.service.proof import Difference, take_snapshots, verify
from app.ledger.service.wallets import balance, lock_wallets, wallet, wallets

__all__ = [
    "HELD",
    "MAIN",
    "REDEEM",
    "TEMPORARY",
    "AdjustmentDecided",
    "AlreadyReversed",
    "BatchResult",
    "CurrencyMismatch",
    "Difference",
    "EntryDraft",
    "Hold",
    "HoldClosed",
    "HoldExceeded",
    "InsufficientFunds",
    "JournalEntry",
    "KeyReused",
    "Line",
    "NotReversible",
    "Owner",
    "PostedEntry",
    "SamePerson",
    "Unbalanced",
    "Wallet",
    "WalletMissing",
    "approve_adjustment",
    "balance",
    "business_date_now",
    "capture_hold",
    "lock_wallets",
    "place_hold",
    "post",
    "post_batch",
    "post_slice",
    "propose_adjustment",
    "reject_adjustment",
    "reverse",
    "take_snapshots",
    "verify",
    "void_hold",
    "wallet",
    "wallets",
]
