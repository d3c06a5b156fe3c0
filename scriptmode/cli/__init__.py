"""The command line: ``scriptmode serve script.py --model-dir DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from scriptmode.cli.batch import add_batch
from scriptmode.cli.serve import add_serve
from scriptmode.cli.train import add_train
from scriptmode.errors import ScriptmodeError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what follows the program's name; those of the process when absent.

    Returns:
        The exit status: 0, or 1 where a script or an artefact is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ScriptmodeError as error:
        print(f"scriptmode: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    import scriptmode

    parser = argparse.ArgumentParser(
        "scriptmode", description=(scriptmode.__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--version", action="version", version=f"scriptmode {scriptmode.__version__}"
    )
    commands = parser.add_subparsers(title="commands", required=True)
    serve = commands.add_parser("serve", help="serve a script over HTTP")
    _add_script(serve)
    add_serve(serve)
    batch = commands.add_parser("batch", help="answer files of records, as Batch Transform does")
    _add_script(batch)
    add_batch(batch)
    add_train(commands.add_parser("train", help="train a script as a SageMaker job would"))
    _add_check(commands.add_parser("check", help="hold a model folder to its manifest"))
    _add_openapi(commands.add_parser("openapi", help="print the endpoint's OpenAPI document"))
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_script(parser)
    parser.set_defaults(run=_check)


def _add_openapi(parser: argparse.ArgumentParser) -> None:
    _add_script(parser, default=None)
    parser.add_argument("--title", default="scriptmode", help="default: %(default)s")
    parser.set_defaults(run=_openapi)


def _add_script(parser: argparse.ArgumentParser, default: str | None = "/opt/ml/model") -> None:
    model_dir = os.environ.get("SM_MODEL_DIR", default)
    parser.add_argument("script", help="the entry script")
    parser.add_argument(
        "--model-dir", default=model_dir, help="the folder of the artefact (default: %(default)s)"
    )


def _check(options: argparse.Namespace) -> None:
    from scriptmode.handlers.endpoint import Endpoint
    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.script import import_script

    handler = Handler.of(import_script(options.script))
    rows = Endpoint(handler).check(options.model_dir)
    print(f"{options.model_dir}: {rows} golden rows are answered as when they were saved")  # noqa: T201 - this is the command line


def _openapi(options: argparse.Namespace) -> None:
    import json

    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.script import import_script

    handler = Handler.of(import_script(options.script))
    model = None if options.model_dir is None else handler.model_fn(options.model_dir)
    document = handler.openapi(model, title=options.title)
    print(json.dumps(document, indent=2))  # noqa: T201 - this is the command line
