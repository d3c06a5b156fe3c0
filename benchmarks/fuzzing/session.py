"""Fuzzing one target: a corpus that grows by bodies that behave in a new way.

It is used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import TYPE_CHECKING

from benchmarks.fuzzing.invariants import Finding, Outcome, examine
from benchmarks.fuzzing.memory import BATCH, Peak, allowance, greedy, growth, traced
from benchmarks.fuzzing.minimise import minimise
from benchmarks.fuzzing.mutation import Mutator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from benchmarks.fuzzing.state import State
    from benchmarks.fuzzing.target import Target

_MOST_KEPT = 600
_BETWEEN_HOSTILE = 50
_LONGEST_KEPT = 2**16


def digest(body: bytes) -> str:
    """A name for a body."""
    return hashlib.sha256(body).hexdigest()[:16]


class Session:
    """One target under one seed.

    Args:
        target: what is fuzzed.
        index: of the target, in what the state notes.
        seed: equal seeds give equal bodies.
        state: what outlives this process.
        report: takes findings, once for each signature.
        hostile: whether hostile bodies are among the first.
        avoid: digests of bodies that end the process.
        patience: seconds to spend on making a finding smaller.
    """

    def __init__(  # noqa: PLR0913 - what a session is
        self,
        target: Target,
        index: int,
        seed: str,
        state: State,
        report: Callable[[Finding], None],
        *,
        hostile: bool = True,
        avoid: Collection[str] = (),
        patience: float = 10,
    ) -> None:
        self._target, self._index, self._state, self._report = target, index, state, report
        self._random = Random(f"{seed} {target.name}")
        self._mutator = Mutator(self._random, target.tokens)
        self._avoid, self._patience = frozenset(avoid), patience
        self._seen: set[str] = set()
        self._corpus: list[bytes] = []
        self._batch: list[bytes] = []
        self._peak = Peak()
        self._bodies = self._generate(hostile=hostile)

    def resume(self) -> None:
        """Begin to look at memory anew: other targets had the process in between."""
        self._batch, self._peak = [], Peak()

    def step(self) -> None:
        """Examine one more body."""
        body = next(self._bodies)
        if digest(body) in self._avoid:
            return
        outcome = self.examine(body)
        if outcome.finding is not None:
            self._note(outcome.finding)
            return
        if outcome.kind not in self._seen and len(body) <= _LONGEST_KEPT:
            self._seen.add(outcome.kind)
            self._keep(body)
        self._weigh(body)

    def examine(self, body: bytes) -> Outcome:
        """Look at every invariant but memory, and let the state know."""
        self._state.begin(self._index, body)
        outcome = examine(self._target, body)
        self._state.count(self._index)
        return outcome

    def _generate(self, *, hostile: bool) -> Iterator[bytes]:
        self._state.begin(self._index, b"")
        seeds = list(self._target.seeds())
        self._corpus += seeds
        yield from seeds
        self._state.begin(self._index, b"")
        waiting = list(self._target.hostile()) if hostile else []
        while True:
            if waiting:
                yield waiting.pop(0)
            for _ in range(_BETWEEN_HOSTILE):
                body, other = self._random.choice(self._corpus), self._random.choice(self._corpus)
                yield self._mutator.mutate(body, other)

    def _keep(self, body: bytes) -> None:
        if len(self._corpus) < _MOST_KEPT:
            self._corpus.append(body)
        else:
            self._corpus[self._random.randrange(len(self._corpus))] = body

    def _note(self, finding: Finding) -> None:
        if finding.signature in self._seen:
            return
        self._seen.add(finding.signature)

        def breaks(body: bytes) -> bool:
            found = self.examine(body).finding
            return found is not None and found.signature == finding.signature

        self._report(finding)
        small = minimise(finding.body, breaks, self._patience)
        self._report(self.examine(small).finding or finding)

    def _weigh(self, body: bytes) -> None:
        """Look at the memory of a batch, and at each of its bodies where it is too much."""
        self._batch.append(body)
        if len(self._batch) < BATCH:
            return
        grown, batch = self._peak(), self._batch
        sample = self._random.choice(batch)
        may = max(allowance(self._target, each) for each in batch)
        if grown > may or traced(self._target, sample) > allowance(self._target, sample):
            for each in batch:
                self._state.begin(self._index, each)
                if (finding := greedy(self._target, each)) is not None:
                    self._note_memory(finding)
        self.resume()

    def _note_memory(self, finding: Finding) -> None:
        if finding.signature in self._seen:
            return
        self._seen.add(finding.signature)

        def breaks(body: bytes) -> bool:
            self._state.begin(self._index, body)
            taken = min(growth(self._target, body), growth(self._target, body))
            return max(taken, traced(self._target, body)) > allowance(self._target, body)

        small = minimise(finding.body, breaks, self._patience)
        self._report(greedy(self._target, small) or finding)
