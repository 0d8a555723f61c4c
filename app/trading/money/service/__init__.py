"""What people decide about money on the platforms."""
