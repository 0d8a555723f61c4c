"""Plans in the making: drafts that staff edit, worked examples that must come out right, and publishing."""
