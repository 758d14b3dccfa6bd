"""`study`: methods x protocols, run, watched and reported."""
