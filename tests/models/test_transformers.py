import json
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch
import transformers
from transformers import BertForSequenceClassification, BertModel

from scriptmode import compose
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.transformers import Pair, Transformers
from scriptmode.testing import check, invoke
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from tests.models.tables import TEXTS
from tests.models.tiny import MOODS, bert, network, pipe, tokenizer

pytestmark = pytest.mark.heavy
MASKED = ["a [MASK] day", "rain and [MASK]"]


class PipelineSuite(LoaderSuite):
    requests = 200
    task = "text-classification"

    def loader(self) -> Any:
        return Transformers(threads=1)

    def model(self) -> Any:
        return pipe(self.task)

    def data(self) -> Any:
        return TEXTS

    def expected(self, model: Any, data: Any) -> Any:
        return model(list(data), truncation=True)


class TestTextClassification(PipelineSuite):
    requests = 1000


class TestTokenClassification(PipelineSuite):
    task = "token-classification"

    def expected(self, model: Any, data: Any) -> Any:
        found = model(list(data))
        return [[{**each, "score": float(each["score"])} for each in one] for one in found]


class TestFillMask(PipelineSuite):
    task = "fill-mask"

    def data(self) -> Any:
        return MASKED

    def expected(self, model: Any, data: Any) -> Any:
        return model(list(data))


class TestTextGeneration(PipelineSuite):
    task = "text-generation"

    def loader(self) -> Any:
        return Transformers(threads=1, arguments={"max_new_tokens": 4})

    def expected(self, model: Any, data: Any) -> Any:
        return model(list(data), do_sample=False, max_new_tokens=4)


class TestFeatureExtraction(PipelineSuite):
    task = "feature-extraction"

    def loader(self) -> Any:
        return Transformers(task=self.task, threads=1)

    def expected(self, model: Any, data: Any) -> Any:
        return model(list(data))


class TestAutoClass(PipelineSuite):
    """A model and its tokenizer, which answer logits."""

    def loader(self) -> Any:
        return Transformers(auto="AutoModelForSequenceClassification", threads=1)

    def model(self) -> Any:
        return Pair(network(self.task), tokenizer())

    def expected(self, model: Any, data: Any) -> Any:
        tokens = model.tokenizer(list(data), return_tensors="pt", padding=True)
        with torch.inference_mode():
            return model.model(**tokens).logits.numpy()


@pytest.mark.parametrize(
    ("body", "content_type", "count"),
    [
        ('["a fine day", "fog"]', "application/json", 2),
        ('{"inputs": ["a fine day", "fog"]}', "application/json", 2),
        ('{"inputs": "a fine day"}', "application/json", 1),
        ('"a fine day"', "application/json", 1),
        ('[{"text": "a fine day"}, {"text": "fog"}]', "application/json", 2),
        ("a fine day", "text/plain", 1),
    ],
)
def test_texts_are_read_in_the_forms_that_people_send(
    tmp_path: Path, body: str, content_type: str, count: int
) -> None:
    Transformers().save(pipe("text-classification"), tmp_path)
    handler = compose("transformers", accepts=["json", "text"], returns="json")
    reply = invoke(handler, body, content_type=content_type, model_dir=tmp_path)
    assert len(reply.raise_for_status().json()) == count


@pytest.mark.parametrize("body", ["[1, 2]", "[[1, 2]]", '["a", 2]', '[{"a": "x", "b": "y"}]'])
def test_what_is_no_text_is_refused(tmp_path: Path, body: str) -> None:
    Transformers().save(pipe("text-classification"), tmp_path)
    reply = invoke(compose("transformers"), body, model_dir=tmp_path)
    assert reply.status in (400, 422)


def test_labels_and_probabilities(tmp_path: Path) -> None:
    Transformers().save(pipe("text-classification"), tmp_path)
    loader = Transformers(threads=1)
    model = loader.load(tmp_path)
    assert loader.signature(model).classes == tuple(MOODS.values())
    proba = loader.outputs(model)["proba"](model, TEXTS)
    assert proba.shape == (5, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    labels = loader.outputs(model)["label"](model, TEXTS)
    assert labels == [MOODS[place] for place in proba.argmax(axis=1)]
    assert labels == [each["label"] for each in loader.predict(model, TEXTS)]


def test_a_text_that_is_too_long_is_cut(tmp_path: Path) -> None:
    Transformers().save(pipe("text-classification"), tmp_path)
    loader = Transformers(threads=1)
    model = loader.load(tmp_path)
    assert len(loader.predict(model, ["rain " * 100])) == 1
    assert loader.predict(model, []) == []
    with pytest.raises(InvalidFeaturesError, match="row 2 is no text"):
        loader.predict(model, ["fog", 3])


def test_weights_that_would_be_drawn_at_random_are_refused(tmp_path: Path) -> None:
    BertModel(bert()).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match=r"no weights for classifier.*drawn at random"):
        Transformers(task="text-classification").load(tmp_path)


def test_weights_in_a_pickle_are_refused(tmp_path: Path) -> None:
    folder = Transformers().save(pipe("text-classification"), tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(network("text-classification").state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ModelLoadError, match=r"no model\.safetensors: weights in a pickle"):
        Transformers().load(tmp_path)


def test_an_index_that_points_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = Transformers().save(pipe("text-classification"), tmp_path)
    (folder / "model.safetensors").rename(tmp_path / "model.safetensors")
    index = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelLoadError, match=r"names '\.\./model\.safetensors'"):
        Transformers().load(tmp_path)


def test_an_adapter_is_refused(tmp_path: Path) -> None:
    folder = Transformers().save(pipe("text-classification"), tmp_path)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "somebody/model"}')
    with pytest.raises(ModelLoadError, match="holds an adapter, whose model would be fetched"):
        Transformers().load(tmp_path)


def test_code_in_the_folder_is_not_run_and_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Transformers().save(pipe("text-classification"), tmp_path)
    mark = tmp_path / "mark"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))

    def refuse(*_: Any) -> Any:
        raise AssertionError("somebody was called")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    loader = Transformers(threads=1)
    assert_equal(loader.predict(loader.load(tmp_path), TEXTS), pipe("text-classification")(TEXTS))
    config["model_type"] = "unheard-of"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadError):
        loader.load(tmp_path)
    assert not mark.exists()
    assert "evil" not in sys.modules


def test_a_model_of_no_task_asks_for_one(tmp_path: Path) -> None:
    Transformers().save(pipe("feature-extraction"), tmp_path)
    with pytest.raises(ModelLoadError, match=r"BertModel, which has no task by itself: declare"):
        Transformers().load(tmp_path)
    with pytest.raises(ModelLoadError, match="no pipeline for the task 'poetry'; it has"):
        Transformers(task="poetry").load(tmp_path)
    with pytest.raises(ModelLoadError, match="no class 'AutoPoet'"):
        Transformers(auto="AutoPoet").load(tmp_path)
    with pytest.raises(DeclarationError, match="not both"):
        Transformers(task="fill-mask", auto="AutoModel")
    with pytest.raises(DeclarationError, match="expected a class such as"):
        Transformers(auto="BertModel")


def test_a_folder_of_a_later_release_is_refused(tmp_path: Path) -> None:
    folder = Transformers().save(pipe("text-classification"), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    assert config["transformers_version"] == transformers.__version__
    (folder / "config.json").write_text(json.dumps({**config, "transformers_version": "6.0.0"}))
    with pytest.raises(ModelLoadError, match=r"written by transformers 6\.0\.0"):
        Transformers().load(tmp_path)


def test_a_sample_of_texts_is_kept_and_replayed(tmp_path: Path) -> None:
    handler = compose("transformers", replay=True)
    handler.save(pipe("text-classification"), tmp_path, sample=TEXTS)
    assert handler.model_fn(str(tmp_path))
    assert check(handler, tmp_path) == 5


def test_a_pair_goes_to_a_function_of_the_script(tmp_path: Path) -> None:
    Transformers().save(pipe("text-classification"), tmp_path)

    def lengths(pair: Any, data: Any, context: Any) -> Any:
        assert isinstance(pair.model, BertForSequenceClassification)
        return [len(each) for each in pair.tokenizer(data)["input_ids"]]

    loader = Transformers(auto="AutoModelForSequenceClassification")
    reply = invoke(compose(loader, predict=lengths), json.dumps(TEXTS), model_dir=tmp_path)
    assert reply.json() == [5, 5, 5, 5, 3]


def test_no_texts_are_no_answers_whatever_is_asked(tmp_path: Path) -> None:
    Transformers().save(pipe("text-classification"), tmp_path)
    loader = Transformers(threads=1)
    model = loader.load(tmp_path)
    outputs = loader.outputs(model)
    assert outputs["label"](model, []) == []
    assert outputs["proba"](model, []).shape == (0, 2)


@pytest.mark.parametrize("index", ["null", "{", '{"weight_map": {"a": 1}}', "[" * 100_000])
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: str) -> None:
    folder = Transformers().save(pipe("text-classification"), tmp_path)
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelLoadError, match="index"):
        Transformers().load(tmp_path)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(ModelLoadError, match="looks like a folder; expected a transformers model"):
        Transformers(file="m").load(tmp_path)


def test_texts_are_described() -> None:
    import jsonschema

    document = compose("transformers").openapi()
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    known: list[Any] = ["a", ["a", "b"], {"inputs": "a"}, {"inputs": ["a"]}, [{"text": "a"}]]
    for body in known:
        jsonschema.validate(body, {**schema, "components": document.get("components", {})})
    strange: list[Any] = [3, [1], [[1]], {"other": "a"}]
    for body in strange:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(body, {**schema, "components": document.get("components", {})})


@pytest.mark.parametrize(
    "loader", [Transformers(task="feature-extraction"), Transformers(auto="AutoModel")]
)
def test_a_text_beyond_the_model_s_places_is_the_caller_s_mistake(
    tmp_path: Path, loader: Transformers
) -> None:
    """Where the tokenizer knows no limit, nothing cuts it."""
    made = pipe("feature-extraction")
    made.tokenizer.model_max_length = int(1e30)
    loader.save(made, tmp_path)
    model = loader.load(tmp_path)
    with pytest.raises(InvalidFeaturesError, match=r"row 2 is too long: .* at most 16 tokens"):
        loader.predict(model, ["a day", "a day " * 20])


def test_a_text_without_its_mask_is_the_caller_s_mistake(tmp_path: Path) -> None:
    Transformers().save(pipe("fill-mask"), tmp_path)
    with pytest.raises(InvalidFeaturesError, match="No mask_token"):
        Transformers().predict(Transformers().load(tmp_path), ["a fine day"])
