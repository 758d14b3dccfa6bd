"""`train`: a method trained under a protocol."""
