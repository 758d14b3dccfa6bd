"""`audit`: a release read again and attacked."""
