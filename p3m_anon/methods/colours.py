"""The colours that networks get: normalized as ImageNet's pictures were for the published backbone."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green, blue in [0, 1]."""
