"""What happened on an account in a period: the list of its closed trades, and statements that add up."""
