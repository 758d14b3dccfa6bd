"""How many pictures are worked on at once."""
