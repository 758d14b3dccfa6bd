"""Samples to batches to a trained method."""
