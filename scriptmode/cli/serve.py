"""``scriptmode serve script.py --model-dir model``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Give the command its options; that for the script and its model are there."""
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", type=int, help="default: SAGEMAKER_BIND_TO_PORT, else 8080; 0 takes a free one"
    )
    parser.add_argument(
        "--workers", type=int, help="processes (default: SAGEMAKER_MODEL_SERVER_WORKERS, else 1)"
    )
    _add_limits(parser)
    _add_batching(parser)
    _add_models(parser)
    parser.add_argument("--log", default="all", help="requests: all (the default), errors or none")
    parser.add_argument(
        "--development",
        action=_boolean(),
        help="playground, boto3's route, stage times (default: where only this machine reaches it)",
    )
    parser.add_argument(
        "--reload", action="store_true", help="follow the script and the model while they change"
    )
    parser.set_defaults(run=_serve)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-body",
        type=int,
        metavar="BYTES",
        help="default: SAGEMAKER_MAX_PAYLOAD_IN_MB, else 6 MiB",
    )
    parser.add_argument(
        "--max-waiting", type=int, default=256, help="in one process (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="for one request (default: SAGEMAKER_MODEL_SERVER_TIMEOUT, else 60)",
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--multi-model",
        action=_boolean(),
        help="load and unload models while it runs (default: SAGEMAKER_MULTI_MODEL)",
    )
    parser.add_argument(
        "--memory-limit", type=float, metavar="MB", help="above which such models are unloaded"
    )


def _add_batching(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--batch",
        default="exact",
        help="requests asked together: exact (the default) where answers stay the same bit for"
        " bit, close wherever rows can be put together, off never",
    )
    parser.add_argument("--max-batch", type=int, default=64, help="of them (default: %(default)s)")
    parser.add_argument(
        "--batch-wait",
        type=float,
        default=0.0,
        metavar="MS",
        help="wait for company, which only slow models gain from (default: %(default)s)",
    )
    parser.add_argument(
        "--predict-in",
        default="auto",
        help="loop, thread, or auto (the default): by how long requests take",
    )


def _boolean() -> type[argparse.Action]:
    import argparse

    return argparse.BooleanOptionalAction


def _serve(options: argparse.Namespace) -> None:
    from scriptmode.hosting import settings
    from scriptmode.hosting.server import serve

    is_own, is_multi = options.development, options.multi_model
    is_multi = settings.default_multi_model() if is_multi is None else is_multi
    is_single = is_multi or options.reload
    workers = 1 if is_single and options.workers is None else options.workers
    limit = options.memory_limit
    found = settings.Settings(
        host=options.host,
        port=settings.default_port() if options.port is None else options.port,
        workers=settings.default_workers() if workers is None else workers,
        max_body=settings.default_max_body() if options.max_body is None else options.max_body,
        max_waiting=options.max_waiting,
        timeout=settings.default_timeout() if options.timeout is None else options.timeout,
        batching=options.batch,
        max_batch=options.max_batch,
        batch_wait=options.batch_wait / 1000,
        place=options.predict_in,
        logged=options.log,
        is_multi_model=is_multi,
        memory_limit=None if limit is None else int(limit * 2**20),
        is_reloading=options.reload,
        is_development=settings.is_loopback(options.host) if is_own is None else is_own,
    )
    serve(options.script, options.model_dir, found)
