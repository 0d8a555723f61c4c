"""What the tests stand on: servers, a database per worker, and the way back to a clean state."""
