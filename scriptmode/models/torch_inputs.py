"""What a PyTorch module says of what it takes, and what its faults say of what it was given."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError
from scriptmode.models.tensors import Input

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FAULTS = (RuntimeError, IndexError, AssertionError)
"""What modules raise of tensors that they cannot take, and of much else."""

_OF_THE_TENSORS = re.compile(
    r"shapes cannot be multiplied|size of tensor|[Ss]izes of tensors|must match|input[.]size|"
    r"Given groups|normalized_shape|running_mean should|expected input|scalar type|is invalid for|"
    r"[Dd]imension out of range|[Dd]imension specified|^Expected .*(tensor|size|dim)|"
    r"index out of range in self|^Guard failed|embedding dimension"
)


def is_program(model: Any) -> bool:
    """Whether it is the module of an exported program, which has one mode and knows no other."""
    return type(model).__module__.startswith("torch.fx.")


def parameters_of(model: Any) -> Mapping[str, bool] | None:
    """The names that ``forward`` takes, and whether each must be given; None for any."""
    schema = getattr(getattr(model, "forward", None), "schema", None)
    if schema is not None:  # of TorchScript
        return {each.name: not each.has_default_value() for each in schema.arguments[1:]}
    found = inspect.signature(model.forward).parameters.values()
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in found):
        return None
    return {each.name: each.default is each.empty for each in found}


def refuse_other_names(given: Collection[str], taken: Mapping[str, bool] | None) -> None:
    """Refuse tensors that a module has no name for, or that it lacks.

    Raises:
        InvalidFeaturesError: the first of them.
    """
    if taken is None:
        return
    for name in given:
        if name not in taken:
            raise InvalidFeaturesError(
                f"the module has no input {name!r}; it has {', '.join(taken)}", field=name
            )
    for name, is_required in taken.items():
        if is_required and name not in given:
            raise InvalidFeaturesError(f"the input {name!r} is missing", field=name)


def keywords_of(model: Any) -> frozenset[str]:
    """The inputs of an exported program that it takes by name alone."""
    spec = model._in_spec  # noqa: SLF001 - nothing else tells how it was exported
    _, by_name = spec.children() if hasattr(spec, "children") else spec.children_specs
    return frozenset(by_name.context or ())


def program_inputs(
    model: Any, names: Collection[str] | None, dtype: str | None
) -> tuple[Input, ...]:
    """What an exported program says of its inputs; nothing, where it is none or they are nested.

    Args:
        model: the module of a program, or another one.
        names: what ``forward`` takes.
        dtype: in place of what the program says.
    """
    if not is_program(model):
        return ()
    nodes = [each for each in model.graph.nodes if each.op == "placeholder"]
    examples = [each.meta.get("val") for each in nodes]
    if [each.target for each in nodes] != list(names or ()) or not all(
        hasattr(each, "dtype") for each in examples
    ):
        return ()
    kinds = [dtype or str(each.dtype).removeprefix("torch.") for each in examples]
    if "bfloat16" in kinds:  # which numpy has not
        return ()
    return tuple(
        Input(node.target, kind, tuple(size if type(size) is int else None for size in each.shape))
        for node, kind, each in zip(nodes, kinds, examples, strict=True)
    )


def reason_of(fault: BaseException) -> str | None:
    """What a fault says of the tensors that were given; None where it is of something else."""
    lines = str(fault).strip().splitlines() or [""]
    reason = lines[-1] if "TorchScript interpreter" in lines[0] else lines[0]
    return reason if _OF_THE_TENSORS.search(reason) else None
