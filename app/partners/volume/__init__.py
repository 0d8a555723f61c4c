"""The volume that counts, who and what pays nothing, and what one partner may earn in a period."""
