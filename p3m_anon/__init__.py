"""p3m-anon: portrait photos and alpha mattes in, a face-blurred matting dataset out."""

__version__ = "0.1.0"
