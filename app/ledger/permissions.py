"""What may be done with the books."""

LEDGER_READ = "ledger.read"
ADJUSTMENT_PROPOSE = "ledger.adjustment.propose"
ADJUSTMENT_APPROVE = "ledger.adjustment.approve"
