"""What stands under a script's main guard: parse, train, save, and prove it."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from inspect import signature
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from scriptmode.errors import DeclarationError, ScriptmodeError, TrainingError
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.saving import is_comparable, refuse_unsavable
from scriptmode.training.hyperparameters import Hyperparameters
from scriptmode.training.job import Job
from scriptmode.training.rehearsal import rehearse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


_LONGEST_REASON = 1024  # characters of FailureReason; see the service's API
_WRONG_ARGUMENTS = 2  # as argparse exits
_log = logging.getLogger("scriptmode.training")


class Trained(NamedTuple):
    """What a training function returns.

    Args:
        model: what the framework made; of a bundle, the parts by name.
        sample: 1 to 1000 rows as requests have them, without the label, to prove it on.
        predictions: what the model answers for them, for a model that is read back as another
            kind of object, such as a wrapper of scikit-learn's kind as a booster.
    """

    model: Any
    sample: Any
    predictions: Any = None


def run(
    train: Callable[[Any, Job], Trained | tuple[Any, ...]],
    handler: Handler,
    *,
    arguments: Sequence[str] | None = None,
) -> None:
    """Train a model, and save it only if what was saved can be served.

    ::

        if __name__ == "__main__":
            run(train, handler)

    The first host of a job saves: the artefact, its manifest, and the sample with its answers.
    What was written is read back through the four functions, and must answer as it did in memory.

    Args:
        train: ``(hyperparameters, job)``, whose first parameter is annotated with a subclass of
            :class:`Hyperparameters`. Returns the model and some rows; see :class:`Trained`.
        handler: what will serve it.
        arguments: the command line; that of the process when absent.

    Raises:
        SystemExit: with 0 after ``--help``, with 2 where the command line is wrong, with 1 where
            something of ours failed. Whatever ``train`` raises goes on. In each case but the first
            the reason is written to the file that SageMaker shows it from.
    """
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    job = Job.read()
    try:
        _run(train, handler, job, sys.argv[1:] if arguments is None else arguments)
    except ScriptmodeError as error:
        _tell(job.failure, error)
        _log.error("%s: %s", type(error).__name__, error)
        raise SystemExit(1) from error
    except BaseException as error:
        if not (isinstance(error, SystemExit) and error.code in (0, None)):
            _tell(job.failure, error)
        raise


def _run(
    train: Callable[[Any, Job], Any], handler: Handler, job: Job, arguments: Sequence[str]
) -> None:
    declared, script = _declared(train), _script(train, handler)
    refuse_unsavable(handler.composition().inference)
    if "SM_HPS" not in os.environ and declared.asks_for_help(arguments):
        sys.stdout.write(declared.usage(sys.argv[0]))
        raise SystemExit(0)
    try:
        hyperparameters = declared.read(arguments)
    except DeclarationError as error:
        _tell(job.failure, error)
        _log.error("%s", error)
        raise SystemExit(_WRONG_ARGUMENTS) from None
    _log.info("training with %s", hyperparameters)
    trained = _checked(train(hyperparameters, job))
    if not job.is_leader:
        _log.info("%s has trained; %s saves the model", job.current_host, job.hosts[0])
        return

    def prove(folder: Path) -> None:
        read_back = rehearse(script, folder, trained.predictions)
        is_compared = trained.predictions is not None or is_comparable(
            handler.composition().inference, trained.model, read_back
        )
        if not is_compared:
            raise TrainingError(
                f"a {type(trained.model).__name__} was trained and a {type(read_back).__name__} is"
                " read back, which may answer otherwise: return model, rows, predictions"
            )

    handler.save(trained.model, job.model_dir, sample=trained.sample, prove=prove)
    _log.info("saved to %s: its sample is answered as it was in memory", job.model_dir)


def _script(train: Callable[..., Any], handler: Any) -> Handler:
    """The functions that will serve: those of the script that runs, which may have its own.

    Raises:
        DeclarationError: there is no handler, or the script has no functions to be served by.
    """
    if not isinstance(handler, Handler):
        raise DeclarationError(
            f"run was given {type(handler).__name__} for a handler: expected what compose returns"
        )
    if getattr(train, "__module__", None) != "__main__":
        return handler
    return Handler.of(sys.modules["__main__"])


def _declared(train: Callable[..., Any]) -> type[Hyperparameters]:
    first: Any = next((each.annotation for each in signature(train).parameters.values()), None)
    if isinstance(first, str):
        first = _named(first, train)
    if isinstance(first, type) and issubclass(first, Hyperparameters):
        return first
    raise DeclarationError(
        f"{getattr(train, '__name__', train)}: annotate the first parameter with a subclass of"
        " Hyperparameters, such as: def train(parameters: Parameters, job: Job)"
    )


def _named(annotation: str, train: Callable[..., Any]) -> Any:
    """What an annotation that was kept as text stands for; None where nothing has that name."""
    module = getattr(train, "__globals__", {})
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), module)["it"]
    except NameError:
        return None


def _checked(returned: Any) -> Trained:
    if isinstance(returned, tuple) and 2 <= len(returned) <= 3:  # noqa: PLR2004 - as Trained has
        return Trained(*returned)
    raise DeclarationError(
        f"train returned {type(returned).__name__}: return the model and some rows to prove it on,"
        " such as: return booster, features[:5]"
    )


def _tell(failure: Path | None, error: BaseException) -> None:
    """Leave the reason where SageMaker shows it; the toolkit keeps what is there already."""
    if failure is None or not failure.parent.is_dir() or failure.exists():
        return
    said = f"exit code {error.code}" if isinstance(error, SystemExit) else str(error)
    where = "".join(traceback.format_exception(error))
    reason = f"{type(error).__name__}: {said}"
    # A name of a file may be no Unicode text.
    failure.write_text(f"{reason[:_LONGEST_REASON]}\n\n{where}", errors="backslashreplace")
