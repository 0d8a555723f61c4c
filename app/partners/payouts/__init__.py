"""From redeemable to paid out: requests, approvals, automatic payouts, and releases before their time."""
