"""What a plan would have paid: a draft run over days of the past, in tables of its own, touching no money."""
