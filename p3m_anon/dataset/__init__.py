"""Pure: what a matting dataset is made of."""
