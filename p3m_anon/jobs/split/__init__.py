"""`split`: releases divided into train, P3M-500-P and P3M-500-NP."""
