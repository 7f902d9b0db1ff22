"""A model is described from its files alone, the local hub cache included, and what is none is refused in one line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from assay.errors import ModelError
from assay.models import embedded_path
from assay.watermark.inspection import inspect_model
from assay.watermark.tokenizer import load_tokenizer
from transformers import AutoModelForCausalLM


def copy_of_embedded(folder: Path, **config: Any) -> Path:
    """The embedded model's files that make a model, with changes to config.json."""
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(embedded_path() / name, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **config}))
    return folder


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
        ({"auto_map": {"AutoModel": "own.M"}}, "asks for its own Python code"),
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
    config = {"architectures": ["OwnForConditionalGeneration"], "text_config": {"n_positions": 77, "vocab_size": 9}}
    config |= {"max_position_embeddings": None}
    facts = inspect_model("m", str(copy_of_embedded(tmp_path / "m", **config)))
    assert (facts.context, facts.vocab_size) == (77, 9)
