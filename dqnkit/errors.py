"""The kit's own exceptions: each says in one sentence what was wrong, what was expected and what to do.

The command line prints the sentence and exits with status 2; in Python they are ordinary exceptions with one base.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class DQNKitError(Exception):
    """Base of every error that the kit raises on purpose."""


class ConfigError(DQNKitError, ValueError):
    """A setting of the wrong type or out of range, or two settings that exclude each other."""


class EnvironmentNotSupportedError(DQNKitError, ValueError):
    """An unknown environment, or one whose observations or actions DQN (or this kit) cannot handle."""


class InvalidDataError(DQNKitError, ValueError):
    """An environment gave NaN or infinity, an array of the wrong shape, or something else than Gymnasium asks for."""


class UnknownNameError(DQNKitError, LookupError):
    """An unknown name of an exercise, of a prediction or of a part of a picture."""


class MissingExtraError(DQNKitError, ImportError):
    """Something needs a package that is not installed; the message has the pip command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} is not installed. Install it with: pip install "dqnkit[{extra}]"')
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return MissingExtraError, (self.what, self.extra)  # for pickling: workers send it back


class UnwrittenError(DQNKitError, NotImplementedError):
    """A cell needs an answer of the reader that is not written yet, and there is no other."""


class UnknownLayerError(DQNKitError, TypeError):
    """A Keras layer that the NumPy policy cannot compute."""


class DivergedError(DQNKitError, ArithmeticError):
    """The loss became NaN or infinite; the weights from before the bad update were kept."""


class CheckpointError(DQNKitError, OSError):
    """A checkpoint that is missing, damaged, from another environment, or that could not be written."""


class RolloutError(DQNKitError, RuntimeError):
    """An environment raised an exception of its own, here or on a worker; the message has the lines of its code."""


class ClusterError(DQNKitError):
    """A cluster that cannot do the work: no workers, other versions, no answer within the time limit.

    No RuntimeError: Dask's ``Cluster.close`` swallows those, and with them that machines could not be ended.
    """


class LearnerLostError(ClusterError):
    """A learner process ended or did not answer, so all were stopped; training can resume from a checkpoint."""


def missing_module(error: BaseException | None) -> str:
    """The package, as it is imported, whose absence led to an error; empty where no module was missing.

    Some libraries catch the `ModuleNotFoundError` and raise an error of their own, which has no name of a module.
    """
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.partition(".")[0]
        error = error.__cause__ or error.__context__
    return ""


@contextmanager
def needs(what: str, extra: str, *packages: str) -> Iterator[None]:
    """Name an extra where an import inside the ``with`` finds one of its packages missing.

    Another module that is missing, perhaps one of the reader's own, is no matter of the extra: that error passes.

    Args:
        what: what is missing and what needs it, the beginning of the sentence.
        extra: of dqnkit.
        packages: as they are imported.

    Raises:
        MissingExtraError: one of the packages is not installed.
    """
    try:
        yield
    except ImportError as error:
        if isinstance(error, MissingExtraError) or missing_module(error) not in packages:
            raise
        raise MissingExtraError(what, extra) from error
