"""Loading a model runs nobody's code, takes nothing hidden from its folder, and refuses in one line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from assay.corpus.prompts import Prompt
from assay.errors import ModelError
from assay.models import embedded_path
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.inspection import inspect_model
from assay.watermark.model import load_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BertConfig


def model_folder(tmp_path: Path, **config: Any) -> Path:
    """A copy of the embedded model with changes to config.json."""
    folder = tmp_path / "model"
    shutil.copytree(embedded_path(), folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **config}))
    return folder


def refusal(folder: Path, **settings: str) -> str:
    with pytest.raises(ModelError) as caught:
        load_model("the-model", str(folder), **{"device": "cpu", **settings})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_folder_loads_by_path(tmp_path):
    model = load_model("mine", str(model_folder(tmp_path)), device="cpu")
    assert (model.name, model.revision, model.max_positions) == ("mine", None, 1024)
    assert model.model.dtype == torch.float32
    assert model.device.type == "cpu"


def test_the_settings_owe_nothing_to_the_models_own_defaults(tmp_path):
    """A model that comes with penalties, beams and filters of its own writes what it would without them."""
    folder = model_folder(tmp_path)
    own = json.loads((folder / "generation_config.json").read_text())
    own |= {"do_sample": True, "top_k": 1, "temperature": 0.1, "repetition_penalty": 5.0, "num_beams": 2, "min_p": 0.5}
    (folder / "generation_config.json").write_text(json.dumps(own | {"eos_token_id": [0, 13], "suppress_tokens": [5]}))
    model = load_model("own", str(folder), device="cpu")
    assert model.model.generation_config.eos_token_id == [0, 13]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 13]}))
    plain = load_model("plain", str(folder), device="cpu")
    prompts, decoding = [Prompt(name, "The house", {}) for name in "abc"], Decoding(max_new_tokens=16)
    records = [[r["text"] for b in generate(prompts, m, None, decoding) for r in b.records] for m in (model, plain)]
    assert records[0] == records[1]


def test_a_pickle_is_not_loaded(tmp_path):
    folder = model_folder(tmp_path)
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "has only pytorch_model.bin (pickles can run code), expected model.safetensors" in refusal(folder)
    (folder / "pytorch_model.bin").unlink()
    assert "has no weights, expected model.safetensors" in refusal(folder)


OWN = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M", "AutoTokenizer": ["own.T", "own.T"]}


def asks_for_its_own_code(tmp_path: Path, file: str, changes: dict[str, str]) -> Path:
    """A model with auto_map in `file`; the Python that it names would leave a trace if it ran."""
    folder = model_folder(tmp_path)
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**content, "auto_map": OWN, **changes}))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    return folder


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"model_type": "own"}),
        ("tokenizer_config.json", {"tokenizer_class": "OwnTokenizer"}),
    ],
    ids=str,
)
def test_foreign_code_is_not_run(tmp_path, file, changes):
    folder = asks_for_its_own_code(tmp_path, file, changes)
    assert f"asks for its own Python code (auto_map in {file})" in refusal(folder)
    with pytest.raises(ModelError, match="asks for its own Python code"):
        inspect_model("m", str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_that_transformers_supports_loads_without_the_code_it_names(tmp_path, file):
    """Many models on the hub name the code that they came with, and have been part of transformers since."""
    folder = asks_for_its_own_code(tmp_path, file, {})
    inspect_model("m", str(folder))
    model = load_model("mine", str(folder), device="cpu")
    assert type(model.model).__module__.startswith("transformers.")
    assert type(model.tokenizer).__module__.startswith("transformers.")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a model folder: it has no config.json"),
        ("{", "config.json is not JSON"),
        ("[]", "is not a model's config: expected a JSON object, got list"),
        ("{}", "is not a causal language model that transformers knows"),
        (
            '{"model_type": "no-such-type"}',
            "cannot load model 'the-model': The checkpoint you are trying to load has model",
        ),
        ('{"model_type": "vit"}', "is not a causal language model that transformers knows"),
    ],
)
def test_a_folder_that_is_no_causal_language_model_is_one_line(tmp_path, content, message):
    folder = model_folder(tmp_path)
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    assert message in refusal(folder)


def test_broken_weights_devices_and_dtypes_are_one_line(tmp_path):
    folder = model_folder(tmp_path)
    assert refusal(folder, dtype="int8") == "dtype must be auto, float32, bfloat16, float16, got 'int8'"
    assert refusal(folder, device="nowhere").startswith("device 'nowhere' cannot be used: ")
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    assert refusal(folder).startswith("cannot load model 'the-model': ")
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(json.dumps({**json.loads(config), "dtype": []}))
    assert refusal(folder).startswith("cannot load model 'the-model': ")
    (folder / "tokenizer.json").write_text("{}")
    assert refusal(folder).startswith("cannot read the tokenizer ")


def test_a_model_that_sees_the_future_is_refused(tmp_path):
    """transformers would load a masked language model as a causal one; its scores would mean nothing."""
    folder = model_folder(tmp_path, architectures=["BertForMaskedLM"])
    assert "is BertForMaskedLM, not a causal language model" in refusal(folder)


def test_an_encoder_that_does_not_say_it_decodes_is_refused(tmp_path):
    folder = model_folder(tmp_path, architectures=None, model_type="bert")
    assert "is a bert encoder, whose tokens see those after them" in refusal(folder)


def test_an_encoder_without_is_decoder_does_see_the_future():
    """The reason for the refusal: a change of the last token moves what transformers' causal BERT says of the first."""
    config = BertConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, is_decoder=False
    )
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        a, b = (model(torch.tensor([[1, 2, last]])).logits[0, 0] for last in (3, 4))
    assert not torch.equal(a, b)


def test_a_config_with_a_byte_order_mark_or_a_lone_architecture_loads(tmp_path):
    folder = model_folder(tmp_path, architectures="LlamaForCausalLM")
    plain = (folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(b"\xef\xbb\xbf" + plain)
    assert load_model("mine", str(folder), device="cpu").max_positions == 1024


def test_a_home_folder_loads_and_a_path_to_nothing_says_so(tmp_path, monkeypatch):
    model_folder(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_model("mine", "~/model", device="cpu").revision is None
    for name in ("~/other", "/no/such/dir"):
        with pytest.raises(ModelError, match=f"^no such folder: {name}; "):
            load_model("m", name)


def test_missing_weights_are_not_replaced_by_random_ones(tmp_path):
    folder = model_folder(tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.3.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert refusal(folder) == (
        "the weights of 'the-model' are incomplete: 1 tensors missing, model.layers.3.mlp.up_proj.weight for one; "
        "save the whole model again"
    )
