"""The few exceptions of this package; `commands` turns each into one line for the user.

Every message says what is wrong, where, and what to do about it.
"""


class P3MError(Exception):
    """Base of all errors that we raise on purpose."""


class UsageError(P3MError):
    """The arguments or the folders do not fit together; nothing was written (exit code 2)."""


class ImageError(P3MError):
    """A file that cannot be read as the picture, alpha, mask or landmarks it should be."""


class UnsupportedImage(ImageError):
    """A readable format that we do not write (HEIC, AVIF, GIF, several frames)."""


class TooLarge(ImageError):
    """A picture that needs more memory than there is."""


class WeightsError(P3MError):
    """Model weights are missing or are not the published file."""


class MissingExtra(P3MError):
    """An optional package is needed; the message names the extra to install."""


class Stopped(P3MError):
    """The run cannot go on (lock held, disk full); what is finished stays finished (exit code 4)."""
