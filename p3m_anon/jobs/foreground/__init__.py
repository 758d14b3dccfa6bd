"""`foreground`: the layers that the composition loss needs."""
