"""MetaTrader 5 over its Web API: handshake, codec, connections, and the adapter that the rest of the product sees."""
