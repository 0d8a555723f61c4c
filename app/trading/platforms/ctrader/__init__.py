"""cTrader: the broker's side of it. The Manager API carries everything and pushes; WebServices fills its gaps."""
