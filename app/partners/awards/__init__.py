"""Commission that no single closed trade gives: for a client's deposits, for a period's revenue, or by decision."""
