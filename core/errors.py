"""The errors a user can meet, in one tree.

AssayError                 everything the command line reports as one line and exit code 1
  BadKey                   a key file that is missing, malformed, or readable by others
  BadProfile               a profile that is missing, malformed, or contradicts itself
  TokenizerMismatch        a text would be read with another tokenizer than it was marked with
  ModelError               a model folder or id that cannot be loaded safely
  BadCalibration           a calibration that is missing, malformed, or made for another detector, model or normaliser
  DataError                a document, a line or a file that cannot be read or written

A message says what is wrong, what was found, what was expected, and what to do; it never holds a key.
Programming mistakes (a wrong shape, a gamma of 2) stay `ValueError`.
"""


class AssayError(Exception):
    """Base of every error that is the input's fault and not the program's."""


class BadKey(AssayError):
    """A key cannot be read, or may not be used as it lies."""


class BadProfile(AssayError):
    """A mark's profile cannot be read or is not consistent."""


class TokenizerMismatch(AssayError):
    """The tokenizer at hand is not the one the profile was made for."""


class ModelError(AssayError):
    """A model cannot be loaded, or not without running foreign code."""


class BadCalibration(AssayError):
    """A calibration cannot be read, cannot be made from these texts, or does not fit the score at hand."""


class DataError(AssayError):
    """A document cannot be read or written; `place` says where it stands."""

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
