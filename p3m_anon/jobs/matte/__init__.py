"""`matte`: a method run over photos."""
