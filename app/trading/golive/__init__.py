"""The way from the simulator to a real server: what must hold, what holds already, and who has confirmed the rest."""
