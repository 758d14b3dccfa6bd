"""`blur`: from a folder of photos to a release."""
