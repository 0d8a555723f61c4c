"""The pages of links, the funnel, banners and the network, for partners and for the office."""
