"""Predict strategies, scoring, result rows and the tables made of them."""
