"""How well the platforms are followed: what is wrong, how long things take, what was missed and read again, and who is
told of it."""
