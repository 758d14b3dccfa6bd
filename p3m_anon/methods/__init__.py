"""Matting methods and their losses."""
