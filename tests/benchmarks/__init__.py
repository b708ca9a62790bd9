"""Measurements beside the obvious alternatives, in one run: `make bench`. Ratios travel, seconds do not."""
