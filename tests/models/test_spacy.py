import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

spacy = pytest.importorskip("spacy")

from spacy.training import Example  # noqa: E402

from scriptmode import compose  # noqa: E402
from scriptmode.errors import ModelLoadError  # noqa: E402
from scriptmode.models.spacy import Spacy  # noqa: E402
from scriptmode.testing import invoke  # noqa: E402
from scriptmode.testing.conformance import LoaderSuite  # noqa: E402
from tests.models.tables import TEXTS  # noqa: E402

pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@cache
def trained() -> Any:
    nlp = spacy.blank("en")
    patterns = [{"label": "WEATHER", "pattern": "fog"}]
    nlp.add_pipe("entity_ruler")
    classifier = nlp.add_pipe("textcat")
    for label in ("merry", "sad"):
        classifier.add_label(label)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"merry": float(merry), "sad": 1 - merry}})
        for text, merry in zip(TEXTS, [1, 0, 0, 1, 0], strict=True)
    ]
    spacy.util.fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    nlp.get_pipe("entity_ruler").add_patterns(patterns)
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    return nlp


class TestPipeline(LoaderSuite):
    def loader(self) -> Any:
        return Spacy()

    def model(self) -> Any:
        return trained()

    def data(self) -> Any:
        return TEXTS

    def expected(self, model: Any, data: Any) -> Any:
        return [
            {
                "cats": dict(doc.cats),
                "ents": [
                    {"text": e.text, "label": e.label_, "start": e.start_char, "end": e.end_char}
                    for e in doc.ents
                ],
            }
            for doc in model.pipe(data)
        ]


def test_labels_and_probabilities() -> None:
    loader, model = Spacy(), trained()
    assert loader.signature(model).classes == ("merry", "sad")
    proba = loader.outputs(model)["proba"](model, TEXTS)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    labels = loader.outputs(model)["label"](model, TEXTS)
    assert labels == [("merry", "sad")[place] for place in proba.argmax(axis=1)]


def test_a_pipeline_without_a_classifier_has_no_labels() -> None:
    assert set(Spacy().outputs(spacy.blank("en"))) == {"value"}


def test_a_folder_of_another_release_is_refused(tmp_path: Path) -> None:
    meta = Spacy().save(trained(), tmp_path) / "meta.json"
    told = json.loads(meta.read_text())
    meta.write_text(json.dumps({**told, "spacy_version": ">=3.1.0,<3.2.0"}))
    with pytest.raises(ModelLoadError, match=r"written by spacy 3\.1\.0"):
        Spacy().load(tmp_path)


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    folder = Spacy().save(trained(), tmp_path)
    model = folder / "textcat" / "model"
    model.write_bytes(model.read_bytes()[:100])
    with pytest.raises(ModelLoadError, match="cannot be read"):
        Spacy().load(tmp_path)


def test_texts_are_served(tmp_path: Path) -> None:
    Spacy().save(trained(), tmp_path)
    reply = invoke(compose("spacy", predict="label"), json.dumps(TEXTS), model_dir=tmp_path)
    assert set(reply.json()) <= {"merry", "sad"}
    assert len(reply.json()) == 5


@pytest.mark.parametrize("meta", ["[]", "{", '{"spacy_version": 3}'])
def test_a_folder_that_says_nonsense_of_itself_is_refused_or_read(
    tmp_path: Path, meta: str
) -> None:
    folder = Spacy().save(trained(), tmp_path)
    (folder / "meta.json").write_text(meta)
    with pytest.raises(ModelLoadError):
        Spacy().load(tmp_path)
