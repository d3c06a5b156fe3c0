"""``scriptmode batch script.py --model-dir model --input data/ --output answers/``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scriptmode._bars import bar_on

if TYPE_CHECKING:
    import argparse


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Give the command its options; that for the script and its model are there."""
    parser.add_argument(
        "--input", required=True, metavar="PATH", help="a file, or a folder of them"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="x is answered in x.out")
    parser.add_argument("--content-type", default="text/csv", help="default: %(default)s")
    parser.add_argument("--accept", help="default: the content type")
    parser.add_argument("--split-type", default="Line", help="None, Line (the default) or RecordIO")
    parser.add_argument(
        "--strategy", default="MultiRecord", help="MultiRecord (the default) or SingleRecord"
    )
    parser.add_argument(
        "--max-payload", type=float, default=6, metavar="MB", help="default: %(default)s; 0: any"
    )
    parser.add_argument("--max-concurrent", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--assemble-with", default="Line", help="None or Line (the default)")
    parser.add_argument("--join-source", default="None", help="None (the default) or Input")
    parser.add_argument("--input-filter", default="$", metavar="PATH", help="such as $[1:]")
    parser.add_argument("--output-filter", default="$", metavar="PATH", help="such as $[0,-1]")
    parser.add_argument(
        "--resume", action="store_true", help="go on with what this very job did before"
    )
    parser.set_defaults(run=_batch)


def _batch(options: argparse.Namespace) -> None:
    from scriptmode.handlers.endpoint import Endpoint
    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.script import import_script
    from scriptmode.hosting.batch import Batch
    from scriptmode.hosting.json_path import JSONPath
    from scriptmode.hosting.transform_job import TransformJob, files_of, identity_of

    batch = Batch(
        content_type=options.content_type,
        accept=options.accept,
        split_type=options.split_type,
        strategy=options.strategy,
        max_payload=options.max_payload,
        max_concurrent=options.max_concurrent,
        assemble_with=options.assemble_with,
        join_source=options.join_source,
        input_filter=JSONPath(options.input_filter),
        output_filter=JSONPath(options.output_filter),
    )
    source = Path(options.input)
    files = files_of(source)
    identity = identity_of(Path(options.script), Path(options.model_dir))
    endpoint = Endpoint(Handler.of(import_script(options.script)))
    endpoint.load(options.model_dir)
    job = TransformJob(batch, endpoint, Path(options.output), identity, resume=options.resume)
    total = sum(path.stat().st_size for path in files)
    bar = bar_on(sys.stderr, total=total, unit="B", unit_scale=True)
    try:
        records = job.run(source, bar.update if bar is not None else _ignore)
    finally:
        if bar is not None:
            bar.close()
    sys.stdout.write(f"{records} records of {len(files)} files are answered in {options.output}\n")


def _ignore(count: int) -> None:
    """Nobody watches."""
