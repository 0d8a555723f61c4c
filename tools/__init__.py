"""What surrounds the product: setting up, embedded servers, the demo's supervisor, a browser for tests."""
