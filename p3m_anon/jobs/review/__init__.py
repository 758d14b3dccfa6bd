"""`review`: what the page asks for and what people answer."""
