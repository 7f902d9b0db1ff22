"""The model that is shipped: it loads offline, its tokenizer loses nothing, it has learnt English, and its card tells the truth."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from assay.models import EMBEDDED, embedded_path, resolve
from assay.models.bpe import END_OF_TEXT, END_OF_TEXT_ID
from assay.models.card import write_card
from assay.models.checkpoint import LogRow
from assay.models.corpus import Document, read_documents
from assay.models.evaluate import losses_by_genre, other_model
from assay.models.scoring import document_losses
from hypothesis import example, given, strategies
from matplotlib.image import imread
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

FOLDER = embedded_path()
VOCAB_SIZE = 8192
PARAGRAPH = (
    "The committee met again on Thursday to decide what should be done about the old bridge. Several members argued "
    "that it would be cheaper to build a new one than to repair it, but the engineer said that the foundations were "
    "still sound and that most of the work could be finished before the winter. In the end they agreed to wait for "
    "his report, which is expected in the spring."
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Run on one thread, whatever else the machine does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    """Return the shipped model in float32."""
    return AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32, local_files_only=True)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Return the shipped tokenizer as the tokenizers library loads it."""
    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


@pytest.fixture(scope="module")
def auto_tokenizer() -> PreTrainedTokenizerFast:
    """Return the shipped tokenizer as transformers loads it."""
    return AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    """Return the shipped measurements."""
    return json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))


def test_the_package_names_the_model_without_loading_anything_heavy() -> None:
    code = (
        "import sys, assay.models; print(sorted({'torch', 'transformers', 'numpy', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parent)
    assert done.stdout.strip() == "[]"
    assert resolve(EMBEDDED) == str(FOLDER)
    assert resolve("some/other-model") == "some/other-model"


@given(text=strategies.text())
@example(text="")
@example(text=" ")
@example(text="  two  spaces and a trailing one ")
@example(text="\x00\x01\x7f\ufffe\U0010ffff")
@example(text="e\u0301 versus \u00e9, \ufb01, \u200b, \u202e, \ufeff")
@example(text="\r\n\n\n\t\v\f\u2028\u0085")
@example(text="don't 'S ''ll I'm")
@example(text="👩‍👩‍👧‍👦 中文 العربية हिन्दी")
@example(text=END_OF_TEXT + "x" + END_OF_TEXT[:-1])
def test_decoding_undoes_encoding_for_every_string(
    text: str, tokenizer: Tokenizer, auto_tokenizer: PreTrainedTokenizerFast
) -> None:
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert tokenizer.encode(text, add_special_tokens=False).ids == ids
    assert auto_tokenizer(text).input_ids == ids
    assert auto_tokenizer.decode(ids) == text
    assert all(0 <= i < VOCAB_SIZE for i in ids)


@given(raw=strategies.binary(max_size=40))
def test_every_byte_has_a_token(raw: bytes, tokenizer: Tokenizer) -> None:
    text = raw.decode("latin-1")
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_end_of_text_is_bos_eos_and_pad(tokenizer: Tokenizer, auto_tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.get_vocab_size() == VOCAB_SIZE
    assert tokenizer.token_to_id(END_OF_TEXT) == END_OF_TEXT_ID == 0
    special = (auto_tokenizer.bos_token_id, auto_tokenizer.eos_token_id, auto_tokenizer.pad_token_id)
    assert special == (END_OF_TEXT_ID,) * 3


def test_the_model_has_learnt_english(model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    """A paragraph written for this test costs far less than log(8192) = 9.01 nats a token, and its words shuffled cost more."""
    words = PARAGRAPH.split()
    shuffled = " ".join(np.random.default_rng(0).permutation(words))
    documents = [tokenizer.encode(text).ids for text in (PARAGRAPH, shuffled)]
    losses = document_losses(model, documents, context=512, stride=256) / [len(ids) for ids in documents]
    assert losses[0] < 4.3 < math.log(VOCAB_SIZE) / 2  # measured: 4.12
    assert losses[1] > losses[0] + 2.5  # measured: 7.93


def test_shipped_weights_are_bfloat16_and_generate(auto_tokenizer: PreTrainedTokenizerFast) -> None:
    model = AutoModelForCausalLM.from_pretrained(FOLDER, local_files_only=True)
    assert model.dtype == torch.bfloat16
    inputs = auto_tokenizer([END_OF_TEXT + "The"], return_tensors="pt")
    new = model.generate(**inputs, max_new_tokens=8, do_sample=False)
    assert new.shape[1] > inputs.input_ids.shape[1]


def test_metrics_belong_to_these_files(metrics: dict[str, Any]) -> None:
    for name, key in (("model.safetensors", "weights_sha256"), ("tokenizer.json", "tokenizer_sha256")):
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == metrics["model"][key]
    everything = metrics["test"]["losses"]["all"]
    genres = [loss for genre, loss in metrics["test"]["losses"].items() if genre != "all"]
    for field in ("documents", "utf8_bytes", "words", "tokens"):
        assert sum(loss[field] for loss in genres) == everything[field]
    nats = everything["nats_per_token"] * everything["tokens"]
    assert everything["bits_per_byte"] == pytest.approx(nats / math.log(2) / everything["utf8_bytes"], rel=1e-3)


def test_the_published_figures_reach_the_bars(metrics: dict[str, Any]) -> None:
    """Speeds are those measured when the card was made; nothing is timed here. 4.67 nats is the 5-gram of the same size."""
    assert metrics["speed"]["scoring_float32"] >= 3000
    assert metrics["speed"]["generation_16_texts_s"] < 30
    assert metrics["speed"]["load_s"] < 1
    assert metrics["test"]["losses"]["all"]["nats_per_token"] < 4.67
    assert metrics["contamination"]["all"]["documents"] > 10_000
    assert metrics["contamination"]["all"]["shared_runs"] < 1e-3


def test_the_card_says_what_was_measured(tmp_path: Path) -> None:
    for name in ("metrics.json", "recipe.json", "training.jsonl"):
        shutil.copy(FOLDER / name, tmp_path)
    write_card(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == (FOLDER / "README.md").read_text(encoding="utf-8")
    shipped, drawn = (imread(folder / "loss.png") for folder in (FOLDER, tmp_path))
    assert shipped.shape == drawn.shape
    assert np.abs(shipped - drawn).mean() < 0.02  # of 1; letters may be drawn a pixel apart elsewhere


def test_a_card_tells_of_every_run(tmp_path: Path, metrics: dict[str, Any]) -> None:
    """Three runs that continue each other, the last resumed under a longer budget, so that its progress fell back."""
    recipe = json.loads((FOLDER / "recipe.json").read_text())
    recipe.pop("continues", None)
    for number in (1, 2):
        ended = {"step": 100 * number, "tokens": 10**6 * number, "elapsed_s": 60.0}
        recipe = {
            **recipe,
            "continues": {**recipe, "weights_sha256": "x", "ended": ended},
            "note": f"Note {number + 1}.",
        }
    rows = [
        LogRow("train", s, 10_000 * s, 0.6 * s, (s % 100) / 100 * (0.5 if s > 250 else 1), 256, 5 - s / 100)
        for s in range(10, 301, 10)
    ]
    rows += [LogRow("valid", 300, 3_000_000, 180.0, 1.0, 256, 2.0)]
    (tmp_path / "training.jsonl").write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    write_card(tmp_path)
    card = (tmp_path / "README.md").read_text()
    for number, start in ((1, "random weights"), (2, "the weights of run 1"), (3, "the weights of run 2")):
        assert f"* Run {number}, from {start}" in card
        assert f"to {number}.0 million tokens" in card
    assert card.index("Note 2.") < card.index("Note 3.")


def test_any_causal_model_can_be_measured_on_the_same_text(
    tmp_path: Path, model: LlamaForCausalLM, tokenizer: Tokenizer
) -> None:
    """A folder with the same weights gives the same losses; one with a longer context is cut to the same length."""
    documents = [Document(PARAGRAPH, "news", "x"), Document(PARAGRAPH[:90], "fiction", "x")]
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    other = other_model(str(tmp_path), documents, longest=64)
    own = losses_by_genre(model, tokenizer, documents, context=64)
    assert other["context"] == 64
    assert other["losses"] == {genre: asdict(loss) for genre, loss in own.items()}


@pytest.mark.parametrize("fault", ["missing tensor", "lossy tokenizer", "no start token"])
def test_a_model_that_would_be_measured_wrongly_is_refused(tmp_path: Path, fault: str) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    if fault == "missing tensor":
        weights = load_file(tmp_path / "model.safetensors")
        del weights["model.norm.weight"]
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    else:
        name, change = (
            ("tokenizer.json", {"normalizer": {"type": "Lowercase"}})
            if fault == "lossy tokenizer"
            else ("config.json", {"bos_token_id": None, "eos_token_id": None})
        )
        content = json.loads((tmp_path / name).read_text())
        (tmp_path / name).write_text(json.dumps(content | change))
    message = {
        "missing tensor": "are incomplete",
        "lossy tokenizer": "changes texts",
        "no start token": "neither a bos",
    }
    with pytest.raises(ValueError, match=message[fault]):
        other_model(str(tmp_path), [Document(PARAGRAPH, "news", "x")], longest=64)


def test_truncation_and_padding_of_a_tokenizer_do_not_count(tmp_path: Path, tokenizer: Tokenizer) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer_config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    odd = Tokenizer.from_str(tokenizer.to_str())
    odd.enable_truncation(10)
    odd.enable_padding(length=400)
    odd.save(str(tmp_path / "tokenizer.json"))
    documents = [Document(PARAGRAPH, "news", "x")]
    assert other_model(str(tmp_path), documents, 64)["losses"] == other_model(str(FOLDER), documents, 64)["losses"]


def test_the_card_shows_another_model_beside(tmp_path: Path, metrics: dict[str, Any]) -> None:
    for name in ("recipe.json", "training.jsonl"):
        shutil.copy(FOLDER / name, tmp_path)
    losses = {"all": {"bits_per_byte": 1.25, "perplexity_per_word": 77.4}}
    other = {"losses": losses, "parameters": 124_000_000, "context": 1024}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics | {"others": {"some/model": other}}))
    write_card(tmp_path)
    assert "| some/model (context 1024) | 124.0 M | 1.250 | | 77 |" in (tmp_path / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_folder_is_small_and_holds_no_pickles() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size < 45e6
    allowed = {".json", ".jsonl", ".md", ".png", ".safetensors"}
    assert {path.suffix for path in FOLDER.iterdir()} <= allowed


def test_the_test_split_still_scores_as_published(
    shared: Path, metrics: dict[str, Any], model: LlamaForCausalLM, tokenizer: Tokenizer
) -> None:
    """The shortest genre of the test split, scored again, gives the published figure."""
    chosen = [d.text for d in read_documents(shared / "data/corpus/test.jsonl.zst") if d.genre == "recipe"]
    ids = [tokenizer.encode(text).ids for text in chosen]
    nats = document_losses(model, ids, metrics["test"]["context"], metrics["test"]["stride"]).sum()
    assert nats / sum(map(len, ids)) == pytest.approx(metrics["test"]["losses"]["recipe"]["nats_per_token"], abs=2e-3)
