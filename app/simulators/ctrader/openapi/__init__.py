"""The Open API: what traders and their programs use, and the OAuth endpoint that lets them in."""
