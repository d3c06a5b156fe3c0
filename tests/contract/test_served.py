"""The same answers over HTTP, from each stack's own server."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from scriptmode.testing import invoke
from tests.contract.cases import cases
from tests.contract.differences import TAKEN_APART, explained
from tests.contract.families import BY_NAME, FAMILIES, Family
from tests.contract.matrix import HERE, MODEL, Answer, expected
from tests.contract.served import serve
from tests.environments import UnavailableError
from tests.hosting.served import serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.contract.cases import Case

pytestmark = pytest.mark.peer

SENT = [case for case in cases() if case.script == "everything" and case.model]


def serve_or_skip(
    family: Family, chosen: Sequence[Case], several: dict[str, Path] | None = None
) -> list[Answer]:
    try:
        return serve(family, "everything", chosen, several)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_server_of_a_stack_answers_as_its_worker_side_does(family: Family) -> None:
    for case, found in zip(SENT, serve_or_skip(family, SENT), strict=True):
        if family.server != "flask" and case.name in TAKEN_APART:
            assert found.status == 415
            assert b"takes forms apart" in found.body
            continue
        due, _ = explained(family, case, expected()[case.name], found)
        assert found == due, case.name


@pytest.mark.parametrize("script", sorted({case.script for case in cases()}))
def test_our_own_server_answers_as_invoke_does(script: str) -> None:
    chosen = [case for case in cases() if case.script == script and case.model]
    with serving(HERE / "scripts" / f"{script}.py", MODEL) as server:
        server.wait_until_ready()
        for case in chosen:
            status, headers, body = server.ask("POST", "/invocations", case.body, **case.sent)
            found = Answer(status, headers.get("content-type"), body)
            assert found == expected()[case.name], case.name


@pytest.mark.parametrize("name", ["inference", "inference15"])
def test_several_models_are_served_side_by_side_and_unloaded(name: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(MODEL, other)
    told = json.loads((other / "model.json").read_text())
    told["learner"]["learner_model_param"]["base_score"] = "9E0"
    (other / "model.json").write_text(json.dumps(told))
    chosen = [case for case in SENT if case.name in ("CSV", "JSON", "a word", "too few columns")]
    found = serve_or_skip(BY_NAME[name], chosen, {"one": MODEL, "two": other})
    loads, answered, unloaded, after = found[:2], found[2:-3], found[-3], found[-2:]
    assert [each.status for each in loads] == [200, 200]
    for case, pair in zip(chosen, zip(answered[::2], answered[1::2], strict=True), strict=True):
        for theirs, model_dir in zip(pair, (MODEL, other), strict=True):
            ours = invoke(
                HERE / "scripts" / "everything.py",
                case.body,
                content_type=case.content_type,
                model_dir=model_dir,
            )
            assert theirs == Answer(ours.status, ours.content_type, ours.body), case.name
    assert answered[0] != answered[1]
    assert [unloaded.status, *(each.status for each in after)] == [200, 404, 200]


@pytest.mark.parametrize("name", ["flask3", "flask1"])
def test_a_model_that_cannot_be_loaded_fails_the_health_check_of_flask(
    name: str, tmp_path: Path
) -> None:
    try:
        found = serve(BY_NAME[name], "everything", [], model_dir=tmp_path, ping=500)
    except UnavailableError as error:
        pytest.skip(str(error))
    assert [each.status for each in found] == [500]
    assert all(b"Traceback" not in each.body for each in found)
