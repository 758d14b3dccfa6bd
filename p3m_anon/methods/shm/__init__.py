"""Semantic Human Matting (Chen et al., ACM MM 2018): a network that draws a trimap, and one that mattes by it."""
