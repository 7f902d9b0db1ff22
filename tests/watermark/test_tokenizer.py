"""The fingerprint of a tokenizer names how it reads prose: unchanged by what does not matter, changed by what does."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
from assay.errors import ModelError
from assay.models import embedded_path
from assay.watermark.tokenizer import TextTokenizer, fingerprint, load_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors


@pytest.fixture
def content(tokenizer) -> dict:
    """The parsed tokenizer.json of the embedded model."""
    return json.loads((embedded_path() / "tokenizer.json").read_text())


def reloaded(content: dict) -> TextTokenizer:
    return TextTokenizer(Tokenizer.from_str(json.dumps(content)), "changed")


def test_the_fingerprint_is_sixteen_hexadecimal_digits_of_the_file(tokenizer, content):
    assert tokenizer.fingerprint == fingerprint(content) == reloaded(content).fingerprint
    assert len(tokenizer.fingerprint) == 16
    assert int(tokenizer.fingerprint, 16) > 0


def test_formatting_and_key_order_do_not_matter(content, tokenizer, tmp_path):
    def backwards(value):
        return dict(reversed([(k, backwards(v)) for k, v in value.items()])) if isinstance(value, dict) else value

    (tmp_path / "tokenizer.json").write_text(json.dumps(backwards(content), indent=7, ensure_ascii=True))
    assert load_tokenizer(str(tmp_path)).fingerprint == tokenizer.fingerprint


def test_merges_as_strings_are_merges_as_pairs(content, tokenizer):
    pairs = [m.split(" ") if isinstance(m, str) else m for m in content["model"]["merges"]]
    for merges in (pairs, [" ".join(pair) for pair in pairs]):
        assert fingerprint({**content, "model": {**content["model"], "merges": merges}}) == tokenizer.fingerprint


def test_truncation_and_padding_do_not_matter_and_are_not_applied(content, tokenizer, tmp_path):
    backend = Tokenizer.from_str(json.dumps(content))
    backend.enable_truncation(4)
    backend.enable_padding(length=64)
    backend.save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(str(tmp_path))
    assert loaded.fingerprint == tokenizer.fingerprint == TextTokenizer(backend, "x").fingerprint
    text = "A sentence of a few more words than four."
    assert loaded.backend.encode(text).ids == tokenizer.backend.encode(text).ids


def test_control_tokens_post_processor_and_decoder_do_not_matter(content, tokenizer):
    """A base model and its chat version read prose alike."""
    backend = Tokenizer.from_str(json.dumps(content))
    backend.add_special_tokens(["<|user|>", AddedToken("<|assistant|>", special=True)])
    backend.post_processor = processors.TemplateProcessing(single="<|user|> $A", special_tokens=[("<|user|>", 8192)])
    backend.decoder = decoders.Fuse()
    chat = TextTokenizer(backend, "chat")
    assert chat.fingerprint == tokenizer.fingerprint
    assert chat.vocab_size == tokenizer.vocab_size + 2
    assert np.flatnonzero(chat.special).tolist() == [0, 8192, 8193]


def test_absent_and_null_and_false_options_are_the_same(content, tokenizer):
    changed = copy.deepcopy(content)
    changed["model"].update(dropout=None, fuse_unk=False, ignore_merges=False)
    changed.pop("normalizer", None)
    assert fingerprint(changed) == tokenizer.fingerprint


def changed_model(content: dict, **changes) -> dict:
    return {**content, "model": {**content["model"], **changes}}


def test_what_changes_the_ids_of_prose_changes_the_fingerprint(content, tokenizer):
    merges, vocabulary = content["model"]["merges"], dict(content["model"]["vocab"])
    one, two = list(vocabulary)[300:302]
    swapped = {**vocabulary, one: vocabulary[two], two: vocabulary[one]}
    variants = {
        "merges swapped": changed_model(content, merges=[merges[1], merges[0], *merges[2:]]),
        "a merge less": changed_model(content, merges=merges[:-1]),
        "ids swapped": changed_model(content, vocab=swapped),
        "a word more": changed_model(content, vocab={**vocabulary, "zzzzzz": 8192}),
        "merges ignored": changed_model(content, ignore_merges=True),
        "bytes": changed_model(content, byte_fallback=True),
        "normalised": {**content, "normalizer": {"type": "Lowercase"}},
        "split otherwise": {**content, "pre_tokenizer": {"type": "Whitespace"}},
        "prefix space": {**content, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
    }
    prints = {name: fingerprint(variant) for name, variant in variants.items()}
    assert len({tokenizer.fingerprint, *prints.values()}) == len(variants) + 1, prints


def test_an_added_word_that_is_no_control_token_changes_the_fingerprint(content, tokenizer):
    prints = {tokenizer.fingerprint}
    for token in (
        AddedToken("assay"),
        AddedToken("other"),
        AddedToken("assay", single_word=True),
        AddedToken("assay", lstrip=True),
    ):
        backend = Tokenizer.from_str(json.dumps(content))
        backend.add_tokens([token])
        prints.add(TextTokenizer(backend, "x").fingerprint)
    assert len(prints) == 5


@pytest.mark.parametrize(
    "backend",
    [
        Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]")),
        Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.5), ("b", -2.25)], 0)),
        Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a")),
        Tokenizer(models.BPE()),
    ],
    ids=["wordpiece", "unigram", "wordlevel", "empty"],
)
def test_every_kind_of_tokenizer_has_a_fingerprint_and_a_mask(backend):
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    one = TextTokenizer(backend, "x")
    two = TextTokenizer(Tokenizer.from_str(backend.to_str(pretty=True)), "y")
    assert one.fingerprint == two.fingerprint
    assert len(one.special) >= max(one.vocab_size, 1)
    assert not one.special.any()


def test_the_mask_reaches_the_highest_id_even_where_ids_have_gaps():
    backend = Tokenizer(models.WordLevel({"a": 0, "b": 70_000}, unk_token="a"))
    assert len(TextTokenizer(backend, "x").special) == 70_001


def test_the_embedded_tokenizer_has_one_control_token(tokenizer):
    assert tokenizer.vocab_size == len(tokenizer.special) == 8192
    assert np.flatnonzero(tokenizer.special).tolist() == [0]


def test_a_folder_without_tokenizer_or_with_a_broken_one_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"^[^\n]+$"):
        load_tokenizer(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text('{"model": ')
    with pytest.raises(ModelError, match=r"^cannot read the tokenizer [^\n]+$"):
        load_tokenizer(str(tmp_path))


def test_a_name_that_is_neither_folder_nor_cached_model_is_one_line(monkeypatch, tmp_path):
    """Offline, as in a fresh process with an empty cache."""
    program = (
        "from assay.errors import ModelError; from assay.watermark.tokenizer import load_tokenizer\n"
        "for name in ('no-such/model', 'no such model', './nowhere'):\n"
        "    try:\n        load_tokenizer(name)\n    except ModelError as error:\n        print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    assert len(lines) == 3, run.stdout
    assert lines[0].startswith("'no-such/model' is neither a folder nor a model in the local hub cache")
