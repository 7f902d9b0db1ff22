"""Marks inside transformers' own `generate()`: the embedded model and tiny random models of other families, nothing imitated.

The random models have vocabularies padded beyond the tokenizer's, and scores that are nearly flat, so that a mark is easy to find.
"""

import copy
import json
import logging

import numpy as np
import pytest
import torch
from assay.detect.exact import binomial_log10_sf
from assay.watermark import hashing, kernels
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkConfig, MarkProcessor, context_lengths
from assay.watermark.key import Key
from assay.watermark.pairs import CommonSet
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    GPT2Config,
    LogitsProcessorList,
    MistralConfig,
    Qwen2Config,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
)
from transformers.generation.configuration_utils import ContinuousBatchingConfig
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

SECRET = bytes(range(100, 132))
KEY = Key(SECRET)
PAD = 0
SMALL = {"vocab_size": 1056, "bos_token_id": PAD, "eos_token_id": None, "pad_token_id": PAD}
FAMILIES = {
    "gpt2": GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=256, **SMALL),
    "mistral": MistralConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        sliding_window=16, **SMALL,
    ),
    "qwen2": Qwen2Config(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, **SMALL
    ),
}  # fmt: skip
MODES = {
    "sampling": {"do_sample": True},
    "sampling after top-k": {"do_sample": True, "top_k": 20, "temperature": 0.7},
    "greedy": {"do_sample": False, "no_repeat_ngram_size": 2},
    "beam search": {"do_sample": False, "num_beams": 3, "no_repeat_ngram_size": 2},
}
SHAPES = [
    ("ordered", 0, False),
    ("ordered", 1, False),
    ("ordered", 3, True),
    ("minhash", 4, False),
    ("minhash", 2, True),
]


@pytest.fixture(scope="module", params=["embedded", *FAMILIES])
def model(request, embedded):
    """The embedded model, then one tiny random model of each family, all in fp32."""
    if request.param == "embedded":
        return embedded.model
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(FAMILIES[request.param]).eval()


def mark_of(kind: str = "ordered", width: int = 1, salted: bool = False, **numbers: float) -> GreenList:
    return GreenList(KEY, context_width=width, context=kind, self_salt=salted, **numbers)


def run(model, ids: list[list[int]], config: MarkConfig | None, seed: int = 0, new: int = 40, **settings):
    """Pad on the left, generate; return what `generate()` does."""
    length = max(map(len, ids))
    padded = torch.tensor([[PAD] * (length - len(row)) + row for row in ids])
    torch.manual_seed(seed)
    defaults = {"max_new_tokens": new, "pad_token_id": PAD, "eos_token_id": -1, "top_k": 0, "do_sample": False}
    generation = GenerationConfig(**{**defaults, **settings}, watermarking_config=config)
    with torch.inference_mode():
        return model.generate(padded, attention_mask=(padded != PAD).long(), generation_config=generation)


def green_rows(mark: GreenList, contexts: torch.Tensor, vocab_size: int) -> torch.Tensor:
    """Which candidates are green after each context, by the numpy contract: (B, V) bool."""
    words = [hashing.candidate_words(c, np.arange(vocab_size), mark.hash_key) for c in contexts.numpy()]
    return torch.from_numpy(hashing.green(np.stack(words), mark.gamma))


def log10_p(mark: GreenList, written: torch.Tensor) -> float:
    """The exact p-value of all rows together."""
    ids, offsets = written.flatten().to(torch.int32).numpy(), np.arange(len(written) + 1) * written.shape[1]
    special = np.zeros(ids.max() + 1, np.bool_)
    _, _, counts = kernels.evidence(ids, offsets, special, mark.hash_key, mark.gamma, CommonSet())
    return binomial_log10_sf(int(counts[:, 1].sum()), int(counts[:, 0].sum()), mark.gamma)


PROMPTS = [[5, 9, 23, 101, 40, 7], [300, 12, 77], [64, 65, 66, 67, 68, 69, 70, 71, 72, 73]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_in_the_late_slot_green_survivors_gain_exactly_delta(model, shape):
    """Temperature .5 and top-k 5, recomputed from the raw logits: delta is not divided, what was cut stays cut."""
    mark = mark_of(*shape, delta=1.5)
    out = run(
        model, PROMPTS, MarkConfig(mark, PAD), new=8, do_sample=True, temperature=0.5, top_k=5,
        return_dict_in_generate=True, output_logits=True, output_scores=True,
    )  # fmt: skip
    length, gained = out.sequences.shape[1] - len(out.scores), 0
    for step, (raw, scores) in enumerate(zip(out.logits, out.scores, strict=True)):
        cut = TopKLogitsWarper(5)(None, TemperatureLogitsWarper(0.5)(None, raw.float()))
        contexts = out.sequences[:, length + step - mark.context_width : length + step]
        enough = torch.tensor([len(p) + step >= mark.context_width for p in PROMPTS])
        green = green_rows(mark, contexts, raw.shape[1]) & enough[:, None]
        assert torch.equal(scores, torch.where(green, cut + 1.5, cut))
        assert (torch.isfinite(scores).sum(1) == 5).all()
        gained += int((green & torch.isfinite(cut)).sum())
    assert 0 < gained < 5 * 8 * len(PROMPTS)


def test_in_the_early_slot_temperature_divides_delta_and_green_tokens_enter_the_top_k(model):
    mark = mark_of(delta=3.0)
    ids = torch.tensor([[PAD] * (10 - len(prompt)) + prompt for prompt in PROMPTS])
    early = model.generate(
        ids, attention_mask=(ids != PAD).long(), max_new_tokens=1, do_sample=True, temperature=0.5, top_k=5,
        pad_token_id=PAD, logits_processor=LogitsProcessorList([MarkProcessor(mark, PAD)]),
        return_dict_in_generate=True, output_logits=True, output_scores=True,
    )  # fmt: skip
    raw = early.logits[0].float()
    green = green_rows(mark, ids[:, -1:], raw.shape[1])
    marked = TemperatureLogitsWarper(0.5)(None, torch.where(green, raw + 3.0, raw))
    assert torch.equal(early.scores[0], TopKLogitsWarper(5)(None, marked))
    late = TopKLogitsWarper(5)(None, TemperatureLogitsWarper(0.5)(None, raw))
    newcomers = torch.isfinite(early.scores[0]) & ~torch.isfinite(late)
    assert newcomers.any()
    assert (green & newcomers).sum() == newcomers.sum()
    stayed = torch.isfinite(early.scores[0]) & torch.isfinite(late) & green
    assert torch.allclose((early.scores[0] - late)[stayed], torch.tensor(6.0), atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [("ordered", 1, False), ("minhash", 3, True)], ids=str)
def test_the_mark_is_found_however_the_text_is_decoded(model, mode, shape):
    """Three rows of 30 tokens at delta 6: p < 1e-6 in every family."""
    mark = mark_of(*shape, delta=6.0)
    out = run(model, PROMPTS, MarkConfig(mark, PAD), new=30, **MODES[mode])
    assert out.shape == (3, 40)
    assert log10_p(mark, out[:, 10:]) < -6


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_batch_with_left_padding_equals_one_by_one(model, shape):
    """Greedy and fp32: rows of 6, 3, 10 and 1 tokens, so that some contexts are shorter than the width at first."""
    config = MarkConfig(mark_of(*shape, delta=6.0), PAD)
    prompts = [*PROMPTS, [33]]
    together = run(model, prompts, config, new=8)[:, 10:]
    alone = torch.cat([run(model, [prompt], config, new=8)[:, len(prompt) :] for prompt in prompts])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("mode", ["sampling", "beam search"])
def test_calls_in_a_row_are_as_good_as_fresh_ones(model, mode):
    """One config object, other texts in between: nothing is carried over."""
    config = MarkConfig(mark_of("ordered", 2, delta=4.0), PAD)
    first = run(model, PROMPTS, config, new=6, **MODES[mode])
    run(model, [[8, 8, 8, 8]], config, new=5, seed=1, **MODES[mode])
    assert torch.equal(run(model, PROMPTS, config, new=6, **MODES[mode]), first)
    fresh = MarkConfig(mark_of("ordered", 2, delta=4.0), PAD)
    assert torch.equal(run(model, PROMPTS, fresh, new=6, **MODES[mode]), first)


def test_the_width_of_the_vocabulary_changes_no_word():
    mark, ids = mark_of(delta=1.0), torch.tensor([[7, 8]])
    narrow, wide = (MarkProcessor(mark)(ids, torch.zeros(1, size)) for size in (1000, 1056))
    assert torch.equal(narrow, wide[:, :1000])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("width", range(9))
def test_positions_with_less_context_than_the_width_are_not_marked(width, dtype):
    mark, scores = mark_of("ordered", width, delta=1.0), torch.zeros(1, 500, dtype=dtype)
    for length in range(1, 11):
        for padding in (0, 3):
            ids = torch.tensor([[PAD] * padding + list(range(1, 1 + length))])
            marked = bool((MarkProcessor(mark, PAD)(ids, scores) > 0).any())
            assert marked == (length >= width), (length, padding)


def test_only_the_leading_run_of_the_padding_id_is_padding():
    """The embedded model pads with its end-of-text token, which may also stand inside a text."""
    ids = torch.tensor([[PAD, PAD, 5, PAD, 6], [PAD, PAD, PAD, PAD, PAD], [5, PAD, PAD, PAD, PAD]])
    assert context_lengths(ids, PAD).tolist() == [3, 0, 5]
    assert context_lengths(ids, None).tolist() == [5, 5, 5]


def test_without_the_padding_id_padding_is_taken_for_context():
    mark, scores = mark_of("ordered", 3, delta=1.0), torch.zeros(1, 500)
    ids = torch.tensor([[PAD, PAD, 5]])
    assert not MarkProcessor(mark, PAD)(ids, scores).any()
    assert MarkProcessor(mark)(ids, scores).any()


def test_scores_of_every_dtype_give_the_same_green_set():
    for shape in SHAPES:
        mark, ids = mark_of(*shape, delta=2.0), torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
        sets = [
            MarkProcessor(mark)(ids, torch.zeros(2, 1056, dtype=dtype)) > 0
            for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16)
        ]
        assert all(torch.equal(s, sets[0]) for s in sets)


def test_a_generation_config_with_a_mark_shows_and_writes_no_key(tmp_path):
    mark = mark_of("ordered", 1, delta=3.0)
    config = GenerationConfig(do_sample=True, watermarking_config=MarkConfig(mark, PAD))
    twin = copy.deepcopy(config)
    assert twin.watermarking_config.mark == mark
    assert mark.hash_key.width == 1
    config.save_pretrained(tmp_path)
    written = (tmp_path / "generation_config.json").read_text()
    shown = [repr(config), str(twin), config.to_json_string(), config.to_json_string(use_diff=False), written]
    shown += [repr(config.watermarking_config), config.watermarking_config.to_json_string()]
    config.watermarking_config.to_json_file(tmp_path / "mark.json")
    shown += [(tmp_path / "mark.json").read_text(), repr(config.to_dict())]
    words = [str(int(w)) for w in mark.hash_key.multipliers]
    for text in shown:
        assert KEY.fingerprint in text
        assert SECRET.hex() not in text
        assert not any(word in text for word in words)
    assert json.loads(written)["watermarking_config"]["assay_mark"] == "assay-1"
    assert hash(config) == hash(twin)
    assert config == twin


def test_a_saved_config_is_never_loaded_as_another_watermark(tmp_path):
    """transformers would read any dictionary as its own scheme with its public default key; ours it cannot, and names why."""
    GenerationConfig(watermarking_config=MarkConfig(mark_of(), PAD)).save_pretrained(tmp_path)
    with pytest.raises(TypeError, match="unexpected keyword argument 'assay_mark'"):
        GenerationConfig.from_pretrained(tmp_path)


def test_generate_leaves_the_config_it_was_given_as_it_was(embedded):
    generation = GenerationConfig(max_new_tokens=2, watermarking_config=MarkConfig(mark_of(), PAD), pad_token_id=PAD)
    before = copy.deepcopy(generation)
    embedded.model.generate(torch.tensor([[5, 6]]), generation_config=generation)
    assert generation == before
    assert embedded.model.generation_config.watermarking_config is None


@pytest.mark.parametrize("width", range(5))
def test_narrow_marks_support_continuous_batching_and_wide_ones_say_no(width, caplog):
    processor = MarkProcessor(mark_of("ordered", width, delta=1.0))
    assert processor.supports_continuous_batching is (width <= 1)
    logging.getLogger("ContinuousBatchingLogger").propagate = True
    kept = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([processor]))
    assert kept.do_processing is (width <= 1)
    assert ("MarkProcessor isn't supported by CB. Dropping it." in caplog.text) is (width > 1)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("width", [0, 1])
def test_under_continuous_batching_the_last_tokens_are_the_contexts(width, dtype):
    """There `input_ids` is one-dimensional: one sequence's last token for each row of scores."""
    mark = mark_of("ordered", width, delta=1.0)
    last, scores = torch.tensor([5, 9, 1055, 5], dtype=dtype), torch.zeros(4, 1056)
    kept = ContinuousBatchingLogitsProcessorList(LogitsProcessorList([MarkProcessor(mark, PAD)]))
    found = kept(last, scores, torch.empty(0))
    contexts = last.long()[:, None] if width else torch.empty(4, 0, dtype=torch.int64)
    assert torch.equal(found > 0, green_rows(mark, contexts, 1056))


@pytest.mark.parametrize("width", [0, 1])
def test_continuous_batching_on_the_cpu_marks_its_texts(embedded, width):
    """The real engine, three prompts of different lengths; delta 6 over 120 tokens: p < 1e-6."""
    mark = mark_of("ordered", width, delta=6.0)
    generation = GenerationConfig(
        max_new_tokens=40,
        do_sample=True,
        top_k=50,
        eos_token_id=-1,
        pad_token_id=PAD,
        watermarking_config=MarkConfig(mark, PAD),
    )
    engine = ContinuousBatchingConfig(num_blocks=16, page_size=32, max_batch_tokens=64)
    attention = embedded.model.config._attn_implementation
    torch.manual_seed(0)
    try:
        out = embedded.model.generate_batch(PROMPTS, generation, engine, warmup=False)
    finally:
        embedded.model.set_attn_implementation(attention)
    written = torch.tensor([result.generated_tokens for result in out.values()])
    assert written.shape == (3, 40)
    assert log10_p(mark, written) < -6
