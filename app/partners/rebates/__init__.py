"""What partners share of their own commission: with clients, with sub-partners, and with the sponsor above."""
