"""An endpoint of TensorFlow together with the look at its cells, in one program.

Between two calls into TensorFlow each call into numpy costs some 10 microseconds, since the work
ran on a thread of its own; the same look inside the program costs less than can be measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode._imports import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scriptmode.models.tensors import Input

_SIZES = (1, 3, 64)  # of the tables on which both ways are compared, since kernels differ


_KEEP_NOTHING = (  # among the operations that TensorFlow counts as those with a state
    "VarHandleOp", "ReadVariableOp", "StatefulPartitionedCall", "If", "Assert",
    "HashTable", "HashTableV2", "LookupTableFind", "LookupTableFindV2",
)  # fmt: skip


def checked_program(
    tensorflow: Any, endpoint: Any, inputs: Sequence[Input]
) -> Callable[[Any], Any] | None:
    """What answers a plain table of float64 by one call.

    Args:
        tensorflow: the library.
        endpoint: one of a SavedModel's signatures.
        inputs: what it takes.

    Returns:
        From a table to the endpoint's one answer as an array, or None for whatever has to go the
        longer way: another type or width, a cell that is missing, infinite or beyond float32. No
        program, where the endpoint takes or answers something else, or where what it answers so
        is not the same, bit for bit.
    """
    import numpy as np

    described = inputs[0] if len(inputs) == 1 else None
    if described is None or described.dtype != "float32" or not described.width:
        return None
    if (
        described.rows is not None
        or len(endpoint.structured_outputs) != 1
        or not _is_plain(endpoint)
    ):
        return None
    width, name, double = described.width, described.name, np.dtype("float64")

    def look_and_ask(cells: Any) -> Any:
        is_finite = tensorflow.reduce_all(tensorflow.math.is_finite(cells))
        return next(iter(endpoint(**{name: cells}).values())), is_finite

    spec = tensorflow.TensorSpec((None, width), tensorflow.float32)
    program = tensorflow.function(look_and_ask).get_concrete_function(spec)

    def answer(data: Any) -> Any:
        if type(data) is not np.ndarray or data.dtype != double or data.shape[1:] != (width,):
            return None
        # Not by an operation, which would take the smallest numbers for 0.
        with np.errstate(over="ignore"):
            narrow = tensorflow.constant(data, tensorflow.float32)
        found, is_finite = program(narrow)
        return found.numpy() if is_finite.numpy() else None

    def plainly(table: Any) -> Any:
        return next(iter(endpoint(**{name: tensorflow.constant(table)}).values())).numpy()

    return answer if _are_same(answer, plainly, width) else None


def _is_plain(endpoint: Any) -> bool:
    """Whether anything can be tried on it: being asked changes nothing, and comes to an end."""
    try:
        registry: Any = require("tensorflow.python.framework.op_def_registry", extra="tensorflow")
    except ImportError:  # it is no part of what TensorFlow promises
        return False
    graph = endpoint.graph.as_graph_def()
    functions = (node for each in graph.library.function for node in each.node_def)
    for kind in {node.op for nodes in (graph.node, functions) for node in nodes} - {*_KEEP_NOTHING}:
        known: Any = registry.get(kind)
        if known is None or known.is_stateful or "While" in kind:
            return False
    return True


def _are_same(answer: Callable[[Any], Any], plainly: Callable[[Any], Any], width: int) -> bool:
    import numpy as np

    random = np.random.default_rng(0)
    try:
        for rows in _SIZES:
            table = random.normal(size=(rows, width))
            one, other = answer(table), plainly(table.astype("float32"))
            if one.dtype != other.dtype or one.tobytes() != other.tobytes():
                return False
    except Exception:  # noqa: BLE001 - it does not take what was drawn; who asks will be told
        return False
    return True
