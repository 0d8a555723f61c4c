"""Benchmarks: each figure is measured beside its floor, in the same run on the same servers."""
