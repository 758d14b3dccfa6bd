"""Glance and Focus Matting: one encoder, one decoder that segments, one that mattes (Li et al., IJCV 2022)."""
