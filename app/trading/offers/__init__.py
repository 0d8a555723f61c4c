"""What a brand offers to whom: account types by segment, leverage by country and equity."""
