"""A partner disputes an amount or a reason: evidence kept as it was then, a thread with the desk, and an outcome."""
