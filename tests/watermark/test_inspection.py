"""A model is described from its files alone, the local hub cache included, and what is none is refused in one line."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from assay.errors import ModelError
from assay.models import embedded_path
from assay.watermark.config import DECODERS_OF_SEVERAL_SENSES, ENCODERS, check_config
from assay.watermark.inspection import inspect_model
from assay.watermark.tokenizer import load_tokenizer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING


def copy_of_embedded(folder: Path, **config: Any) -> Path:
    """The embedded model's files that make a model, with changes to config.json."""
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(embedded_path() / name, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **config}))
    return folder


def refusal(source: Path | str) -> str:
    with pytest.raises(ModelError) as caught:
        inspect_model("m", str(source))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root, whom no permission stops."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


def test_the_facts_are_those_of_the_loaded_model() -> None:
    facts = inspect_model("embedded", str(embedded_path()))
    model = AutoModelForCausalLM.from_pretrained(embedded_path(), local_files_only=True)
    assert facts.architecture == type(model).__name__
    assert facts.parameters == model.num_parameters()
    assert facts.dtype == "BF16"
    assert facts.context == model.config.max_position_embeddings
    assert facts.vocab_size == model.config.vocab_size
    assert facts.weights_bytes == (embedded_path() / "model.safetensors").stat().st_size
    assert facts.tokenizer == load_tokenizer(str(embedded_path())).fingerprint


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from assay.watermark.inspection import inspect_model; from assay.models import resolve\n"
        "inspect_model('embedded', resolve('embedded')); print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "is BertForMaskedLM, not a causal language model"),
        ({"architectures": ["LlamaModel"]}, "is LlamaModel, not a causal language model"),
        (
            {"architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True},
            "is T5ForConditionalGeneration",
        ),
        ({"architectures": None, "is_encoder_decoder": True}, "is an encoder-decoder"),
        ({"auto_map": {"AutoModel": "own.M"}, "model_type": "own"}, "asks for its own Python code"),
        ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, "is T5ForConditionalGeneration, not"),
        ({"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"}, "is WhisperForCond"),
        ({"architectures": ["Blip2ForConditionalGeneration"], "model_type": "blip-2"}, "is Blip2ForCond"),
        ({"architectures": "T5Model"}, "is T5Model, not a causal language model"),
        ({"architectures": 5}, "architectures in the config.json of .* must be a list of class names, got 5"),
        ({"architectures": [{}]}, "must be a list of class names"),
        ({"auto_map": None}, "auto_map in the config.json of .* must be a JSON object, got None"),
        ({"text_config": ["x"]}, "text_config in the config.json of .* must be a JSON object, got list"),
        ({"text_config": "x"}, "must be a JSON object, got str"),
        ({"model_type": None}, "its config.json names no model_type"),
        ({"architectures": None, "model_type": "roberta"}, "is a roberta encoder, whose tokens see those after them"),
    ],
    ids=str,
)
def test_what_is_no_causal_model_is_one_line(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        inspect_model("m", str(copy_of_embedded(tmp_path / "m", **config)))
    assert "\n" not in str(caught.value)


def test_a_cut_weights_file_is_one_line(tmp_path: Path) -> None:
    folder = copy_of_embedded(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"\1" * 100)
    with pytest.raises(ModelError, match="is not a safetensors file") as caught:
        inspect_model("m", str(folder))
    assert "\n" not in str(caught.value)


def test_a_text_model_inside_another_gives_its_context(tmp_path: Path) -> None:
    config = {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3"}
    config |= {"text_config": {"n_positions": 77, "vocab_size": 9}, "max_position_embeddings": None}
    facts = inspect_model("m", str(copy_of_embedded(tmp_path / "m", **config)))
    assert (facts.context, facts.vocab_size) == (77, 9)


def test_one_architecture_may_stand_alone_and_the_config_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    folder = copy_of_embedded(tmp_path / "m", architectures="LlamaForCausalLM")
    content = (folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(b"\xef\xbb\xbf" + content)
    assert inspect_model("m", str(folder)).architecture == "LlamaForCausalLM"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"[]", "expected a JSON object, got list"),
        (b'{"a":' * 100_000, "is nested too deeply to be read"),
        (b'{"model_type": "caf\xe9"}', "is not UTF-8"),
    ],
    ids=["cut", "list", "deep", "latin-1"],
)
def test_a_config_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    folder = copy_of_embedded(tmp_path / "m")
    (folder / "config.json").write_bytes(content)
    assert message in refusal(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_what_may_not_be_read_is_said_so(open_folder: Path) -> None:
    folder = copy_of_embedded(open_folder / "m")
    inspect_model("m", str(folder))  # what is imported on the way must be readable
    for name in ("model.safetensors", "config.json"):
        (folder / name).chmod(0)
        with as_nobody():
            assert refusal(folder) == f"cannot read {folder / name}: Permission denied"
    folder.chmod(0)
    with as_nobody():
        assert refusal(folder) == f"cannot read {folder / 'config.json'}: Permission denied"
        assert refusal(folder / "inside") == f"cannot read {folder / 'inside'}: Permission denied"
    folder.chmod(0o755)


def test_a_name_that_is_no_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("/no/such/dir", "./nothing/here", "~/x", "a/b/c"):
        assert refusal(name).startswith(f"no such folder: {name}; expected")
    assert "name is empty" in refusal("")
    copy_of_embedded(tmp_path / "x")
    assert inspect_model("m", "~/x").folder == str(tmp_path / "x")
    assert refusal("~/x/config.json").startswith("~/x/config.json is a file, expected a model folder")


def test_weights_are_what_transformers_would_read(tmp_path: Path) -> None:
    """One file, else the shards of the index; other safetensors files beside them are not counted."""
    folder = copy_of_embedded(tmp_path / "m")
    one = inspect_model("m", str(folder))
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    assert inspect_model("m", str(folder)) == one

    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    files = {name: f"model-0000{1 + (name > names[20])}-of-00002.safetensors" for name in names}
    for file in set(files.values()):
        save_file({n: weights[n] for n in names if files[n] == file}, folder / file, metadata={"format": "pt"})
    (folder / "model.safetensors").unlink()
    message = (
        "only consolidated.safetensors, model-00001-of-00002.safetensors, model-00002-of-00002.safetensors as weights"
    )
    assert message in refusal(folder)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": files}))
    sharded = inspect_model("m", str(folder))
    assert sharded.parameters == one.parameters
    assert sharded.weights_bytes == sum((folder / file).stat().st_size for file in set(files.values()))

    (folder / "model-00002-of-00002.safetensors").unlink()
    assert refusal(folder) == (
        f"the weights of {folder} are incomplete: model-00002-of-00002.safetensors, named by {index.name}, is missing "
        "(1 of 2 files); copy or download the model again"
    )
    index.write_text('{"weight_map": 5}')
    assert "is not an index of weights" in refusal(folder)


def test_a_tied_head_that_was_saved_counts_once(tmp_path: Path) -> None:
    folder = copy_of_embedded(tmp_path / "m")
    facts = inspect_model("m", str(folder))
    weights = load_file(folder / "model.safetensors")
    head = weights["model.embed_tokens.weight"].clone()
    save_file({**weights, "lm_head.weight": head}, folder / "model.safetensors", metadata={"format": "pt"})
    assert inspect_model("m", str(folder)).parameters == facts.parameters
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    assert inspect_model("m", str(folder)).parameters == (facts.parameters or 0) + head.numel()


def test_weights_that_are_no_file_or_no_model_are_one_line(tmp_path: Path) -> None:
    folder = copy_of_embedded(tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.unlink()
    weights.symlink_to(tmp_path / "gone")
    assert "a model.safetensors that is a broken link" in refusal(folder)
    weights.unlink()
    weights.mkdir()
    assert "a model.safetensors that is a folder" in refusal(folder)
    weights.rmdir()
    save_file({"a": torch.zeros(2)}, folder / "adapter_model.safetensors")
    assert "has only an adapter (merge it into its base model)" in refusal(folder)
    (folder / "config.json").unlink()
    assert f"{folder} holds only an adapter, expected a whole model" in refusal(folder)


def test_a_folder_without_a_tokenizer_says_what_is_expected(tmp_path: Path) -> None:
    folder = copy_of_embedded(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    assert refusal(folder) == (
        f"{folder} has no tokenizer, expected tokenizer.json; save the tokenizer there with its save_pretrained"
    )


def test_the_model_types_we_name_are_those_of_transformers() -> None:
    """Decoders of several senses: causal by transformers' table, a class ...ForConditionalGeneration, no encoder-decoder."""
    causal = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    tables = [getattr(modeling_auto, name) for name in dir(modeling_auto) if name.endswith("_MAPPING_NAMES")]
    conditional = {k for table in tables for k in table if "ForConditionalGeneration" in str(table[k])}
    several_senses = {k for k in conditional & set(causal) if not CONFIG_MAPPING[k]().is_encoder_decoder}
    assert several_senses == DECODERS_OF_SEVERAL_SENSES
    flagged = {k for k in causal if getattr(CONFIG_MAPPING[k], "is_decoder", True) is False}
    two_sided = {k for k in flagged if not CONFIG_MAPPING[k].is_encoder_decoder}
    assert two_sided - {"gpt_neox", "gpt_neox_japanese", "trocr"} == ENCODERS - {"xlm", "xlnet"}  # those have no flag


def test_every_causal_class_of_transformers_passes() -> None:
    for model_type, architecture in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.items():
        check_config({"model_type": model_type, "architectures": [architecture], "is_decoder": True}, model_type)
