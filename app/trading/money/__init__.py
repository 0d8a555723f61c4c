"""Money on the platforms that needs a person: what no operation explains, what differs, and what nobody answered."""
