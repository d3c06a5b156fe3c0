"""``scriptmode train script.py --channel train=data/ --hp max_depth=5``."""

from __future__ import annotations

import argparse
import signal
import sys

from scriptmode.errors import DeclarationError

_PAIRS = (
    ("--channel", "NAME=PATH", "data for a channel: a file or a folder; may be repeated"),
    ("--hp", "NAME=VALUE", "a hyperparameter; may be repeated"),
    ("--content-type", "NAME=TYPE", "that of a channel; else the files' endings tell it"),
    ("--metric", "NAME=REGEX", "a number to look for in the log; may be repeated"),
)


def add_train(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("script", help="the entry script; below --source-dir, where that is given")
    for option, metavar, told in _PAIRS:
        parser.add_argument(
            option, action="append", type=_pair, default=[], metavar=metavar, help=told
        )
    parser.add_argument("--source-dir", metavar="DIR", help="a folder that goes with the script")
    parser.add_argument(
        "--dependency", action="append", default=[], metavar="PATH",
        help="a file or folder to be put beside the script; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--output", default="jobs", metavar="DIR", help="where jobs are kept (default: %(default)s)"
    )
    parser.add_argument("--job-name", metavar="NAME", help="default: the script and the time")
    parser.add_argument("--plot", metavar="PNG", help="draw the learning curves")
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    from scriptmode.training.estimator import Estimator, XGBoost
    from scriptmode.training.inputs import TrainingInput

    types = _each_once("--content-type", options.content_type)
    channels = _each_once("--channel", options.channel)
    metrics = [{"Name": name, "Regex": regex} for name, regex in options.metric]
    estimator = Estimator(
        options.script,
        source_dir=options.source_dir,
        dependencies=options.dependency,
        hyperparameters=_each_once("--hp", options.hp),
        metric_definitions=metrics or XGBoost.default_metrics,
        output_path=options.output,
    )
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _stop)
    estimator.fit(
        {name: TrainingInput(path, types.get(name)) for name, path in channels.items()},
        job_name=options.job_name,
    )
    if options.plot:
        estimator.plot(options.plot)
    sys.stdout.write(f"{estimator.model_data}\n")


def _stop(number: int, _: object) -> None:
    """As Ctrl-C does: what runs in the job is ended, too."""
    raise SystemExit(128 + number)


def _each_once(option: str, pairs: list[tuple[str, str]]) -> dict[str, str]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, _ in pairs if [each for each, _ in pairs].count(name) > 1)
        raise DeclarationError(f"{option} {twice}=... is given twice")
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=...")
    return name, value
