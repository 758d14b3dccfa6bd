"""Experiments as data: methods, protocols and seeds, their cells, and what came of them."""
