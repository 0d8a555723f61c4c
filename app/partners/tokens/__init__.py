"""Keys with which a partner's own programs read the partner's own data, and the addresses that answer them."""
