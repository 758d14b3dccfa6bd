"""Wiring: disk, detectors and the pure code of `faces`, `dataset` and `matting`."""
