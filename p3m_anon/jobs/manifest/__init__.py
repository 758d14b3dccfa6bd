"""`manifest`: index, verify, compare, export and describe a dataset."""
