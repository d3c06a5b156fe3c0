"""Suites that authors of serializers and loaders inherit; our own run them too.

Inherit, fill in what the suite asks for, and let pytest collect the class::

    class TestPipes(SerializerSuite):
        def serializer(self):
            return Pipes()

        values = (np.array([[1.0, 2.0]]),)
        malformed = (b"1|x",)
"""

from __future__ import annotations

import json
import math
import pickle
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import ModelLoadError, RequestError
from scriptmode.handlers.compose import compose
from scriptmode.media import parse
from scriptmode.models.arrays import as_matrix
from scriptmode.models.base import Loader, Saver, Signed
from scriptmode.serializers.npz import NPZ
from scriptmode.testing.invoke import invoke
from scriptmode.testing.processes import Order, ask_another_process

if TYPE_CHECKING:
    from collections.abc import Sequence

_MUTATIONS = 200


class SerializerSuite:
    """What every serializer must do.

    Attributes:
        values: neutral values that survive encoding and decoding, cell by cell.
        malformed: bodies that are not of the format.
        is_text: whether bodies may also arrive as ``str``.
    """

    values: ClassVar[Sequence[Any]] = ()
    malformed: ClassVar[Sequence[bytes]] = ()
    is_text: ClassVar[bool] = True

    def serializer(self) -> Any:
        """The serializer under test; every test asks for a new one."""
        raise AssertionError(f"{type(self).__name__} must define serializer()")

    def test_media_types_are_well_formed_and_lower_case(self) -> None:
        media_types = self.serializer().media_types
        assert media_types
        assert [str(parse(media_type)) for media_type in media_types] == list(media_types)

    def test_what_was_written_is_read_back_equal(self) -> None:
        serializer = self.serializer()
        for value in self.values:
            assert_equal(serializer.decode(serializer.encode(value, {}), {}), value)

    def test_writes_bytes(self) -> None:
        serializer = self.serializer()
        for value in self.values:
            assert isinstance(serializer.encode(value, {}), bytes)

    def test_reads_every_kind_of_body(self) -> None:
        serializer = self.serializer()
        for value in self.values:
            body = serializer.encode(value, {})
            kinds: list[Any] = [bytearray(body), memoryview(body)]
            if self.is_text:
                kinds.append(body.decode())
            for kind in kinds:
                assert_equal(serializer.decode(kind, {}), value)

    def test_refuses_what_is_malformed(self) -> None:
        for body in self.malformed:
            error = _refusal(self.serializer(), body)
            assert error is not None, f"{body[:80]!r} was read"
            assert str(error), f"{body[:80]!r} was refused without a reason"

    def test_damaged_bodies_are_read_or_refused_but_never_fail_otherwise(self) -> None:
        serializer, chance = self.serializer(), random.Random(0)  # noqa: S311 - not for secrets
        for value in self.values:
            body = serializer.encode(value, {})
            for _ in range(_MUTATIONS):
                _refusal(serializer, _damage(body, chance))

    def test_can_be_sent_to_another_process(self) -> None:
        copy = pickle.loads(pickle.dumps(self.serializer()))  # noqa: S301 - made here
        for value in self.values:
            assert copy.encode(value, {}) == self.serializer().encode(value, {})

    def test_composes_in_both_directions(self) -> None:
        compose(_Nothing(), accepts=self.serializer(), returns=self.serializer())


class LoaderSuite:
    """What every loader must do.

    Attributes:
        requests: how many are sent by 16 threads, of one row each.
        is_exact: whether one row is answered bit for bit as in a batch; libraries of linear
            algebra sum in another order for one row than for many.
    """

    requests: ClassVar[int] = 1000
    is_exact: ClassVar[bool] = False

    def loader(self) -> Any:
        """The loader under test; every test asks for a new one."""
        raise AssertionError(f"{type(self).__name__} must define loader()")

    def model(self) -> Any:
        """A fitted model of the framework."""
        raise AssertionError(f"{type(self).__name__} must define model()")

    def data(self) -> Any:
        """At least two rows of input, as a neutral value."""
        raise AssertionError(f"{type(self).__name__} must define data()")

    def expected(self, model: Any, data: Any) -> Any:
        """What the framework itself answers."""
        raise AssertionError(f"{type(self).__name__} must define expected()")

    def write(self, model: Any, model_dir: Path) -> None:
        """Put the artefact into a folder; by default as the loader saves it."""
        loader = self.loader()
        assert isinstance(loader, Saver), f"{type(self).__name__} must define write()"
        assert loader.save(model, model_dir).exists()

    def body(self) -> tuple[bytes, str]:
        """The data as a request, and its content type."""
        data = self.data()
        if isinstance(data, list):
            return json.dumps(data).encode(), "application/json"
        if isinstance(data, dict):
            return NPZ().encode(data, {}), NPZ.media_types[0]
        if hasattr(data, "to_json"):
            return data.to_json(orient="records").encode(), "application/json"
        rows = as_matrix(data).tolist()
        return "\n".join(",".join(map(repr, row)) for row in rows).encode(), "text/csv"

    def test_has_the_shape_of_a_loader(self) -> None:
        loader = self.loader()
        assert isinstance(loader, Loader)
        assert isinstance(loader.name, str)

    def test_answers_what_the_framework_answers(self) -> None:
        model, data = self.model(), self.data()
        with tempfile.TemporaryDirectory() as folder:
            self.write(model, Path(folder))
            loaded = self.loader().load(Path(folder))
            assert_equal(self.loader().predict(loaded, data), self.expected(model, data))

    def test_one_row_is_answered_as_in_a_batch(self) -> None:
        model, data, loader = self.model(), self.data(), self.loader()
        batch = loader.predict(model, data)
        tells = getattr(loader, "is_rowwise", None)
        is_exact = self.is_exact or (tells is not None and tells(model))
        for row in range(_count(data)):
            alone = loader.predict(model, _rows(data, row))
            assert_close(alone, _rows(batch, row), is_exact=is_exact)

    def test_signature_fits_the_data(self) -> None:
        loader = self.loader()
        if isinstance(loader, Signed):
            signature = loader.signature(self.model())
            shape = getattr(self.data(), "shape", (0, None))
            assert signature.width in (None, shape[1])
            assert signature.names is None or len(signature.names) == signature.width

    def test_an_empty_folder_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                compose(self.loader()).model_fn(folder)
            except (ModelLoadError, OSError) as error:
                assert folder in str(error), "the error does not name the folder"
            else:
                raise AssertionError("an empty folder was loaded")

    def test_can_be_sent_to_another_process(self) -> None:
        copy = pickle.loads(pickle.dumps(self.loader()))  # noqa: S301 - made here
        model, data = self.model(), self.data()
        assert_equal(copy.predict(model, data), self.expected(model, data))

    def test_a_fresh_process_its_threads_and_its_fork_answer_alike(self) -> None:
        model, data = self.model(), self.data()
        each = [_rows(data, row) for row in range(_count(data))]
        requests = [each[number % len(each)] for number in range(self.requests)]
        with tempfile.TemporaryDirectory() as folder:
            self.write(model, Path(folder))
            found = ask_another_process(Order(self.loader(), folder, data, requests))
        expected = self.expected(model, data)
        assert_equal(found.whole, expected)
        assert_equal(found.forked, expected)
        for alone, together in zip(found.serial, found.threaded, strict=True):
            assert_equal(together, alone)

    def test_serves_through_the_four_functions(self) -> None:
        body, content_type = self.body()
        with tempfile.TemporaryDirectory() as folder:
            self.write(self.model(), Path(folder))
            reply = invoke(
                compose(self.loader()), body, content_type=content_type, model_dir=folder
            )
        assert _count(reply.raise_for_status().json()) == _count(self.data())


def assert_close(found: Any, expected: Any, *, is_exact: bool) -> None:
    """Equal predictions; or, unless they must be exact, equal but for the last bits."""
    import numpy as np

    if isinstance(expected, dict):
        for name, part in expected.items():
            assert_close(found[name], part, is_exact=is_exact)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, is_exact=is_exact)
    elif isinstance(expected, float):
        assert found == expected or (not is_exact and math.isclose(found, expected, rel_tol=1e-5))
    elif is_exact or not hasattr(expected, "dtype"):
        assert_equal(found, expected)
    elif expected.dtype.kind in "OU":
        assert found.tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def assert_equal(found: Any, expected: Any) -> None:
    """Equal neutral values: same kind, names, shape and cells, where NaN equals NaN."""
    import numpy as np

    assert type(found) is type(expected), f"{type(found)} is not {type(expected)}"
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name in expected:
            assert_equal(found[name], expected[name])
    elif hasattr(expected, "names") or hasattr(expected, "columns"):
        assert _names(found) == _names(expected)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
    elif hasattr(expected, "dtype"):
        np.testing.assert_array_equal(found, expected, strict=True)
    else:
        assert found == expected


def _count(data: Any) -> int:
    """How many rows a neutral value has."""
    return len(next(iter(data.values()))) if isinstance(data, dict) else len(data)


def _rows(data: Any, row: int) -> Any:
    """One row of a neutral value, as one of the same kind."""
    if isinstance(data, dict):
        return {name: part[row : row + 1] for name, part in data.items()}
    return data[row : row + 1]


def _names(table: Any) -> list[str]:
    return list(getattr(table, "names", getattr(table, "columns", ())))


def _refusal(serializer: Any, body: bytes) -> Exception | None:
    """How a body is refused: by our errors, or by the ValueError that foreign code may raise."""
    try:
        serializer.decode(body, {})
    except (RequestError, ValueError) as error:
        return error
    return None


def _damage(body: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(body) + 1)
    end = min(len(body), start + chance.randrange(4))
    return body[:start] + chance.randbytes(chance.randrange(4)) + body[end:]


class _Nothing:
    name = "nothing"

    def load(self, model_dir: Path) -> None:
        """No model."""

    def predict(self, model: None, data: Any) -> Any:
        """The data."""
        return data
