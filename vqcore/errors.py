"""Errors meant for the person in front of the screen: each says what was given, what is allowed, what to do."""


class VQError(Exception):
    """Base of every error whose text may be shown as it is."""


class ConfigError(VQError):
    """A configuration, or a change to one, that cannot be run."""


class ShapeError(VQError, ValueError):
    """A tensor, or a tuple of them, of another shape than a quantizer takes."""


class DataError(VQError):
    """A data set that is missing, truncated, or not what its name says."""


class RunError(VQError):
    """A run folder that is missing, foreign, newer than this program, or damaged."""


class LeaseLost(RunError):
    """Another process owns the run now: this one must end without writing."""


class EngineError(VQError):
    """The engine could not be reached, or could not place a run."""


class Diverged(VQError):
    """Training met NaN or Inf; the text names the loss term and the step."""


class GridError(VQError):
    """Codes that a model cannot take: another shape, an index outside its codebook, or a document that lies."""


class LessonError(VQError):
    """A lesson that is not there, or an answer that cannot be kept."""


class LinkError(VQError):
    """A link to a state that was altered, or that names what this program does not have."""
