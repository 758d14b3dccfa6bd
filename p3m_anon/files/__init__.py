"""Everything that touches a file: decode, encode, atomic writes, ledger, masks, weights."""
