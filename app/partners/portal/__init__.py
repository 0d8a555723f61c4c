"""What a partner's own pages are made of: links and banners, the funnel, the day so far, explanations, the network."""
