"""Pure: alpha mattes and trimaps."""
