"""The generation loop on the embedded model: a text depends on its own prompt and settings, and every refusal is one line."""

import copy
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from assay.corpus.prompts import Prompt
from assay.errors import DataError
from assay.watermark.common import common_words
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkConfig
from assay.watermark.model import CausalModel
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, LogitsProcessorList

SHORT = Decoding(max_new_tokens=16, temperature=0.9, top_k=40, batch_size=4, seed=3)
TEMPLATE = (
    "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
PROMPTS = [
    Prompt("a", "The old house on the hill", {"topic": "houses"}),
    Prompt("b", "When", {}),
    Prompt("c", "In the year of the great flood, the people of the valley had", {}),
    Prompt("d", "She said", {}),
    Prompt("e", "There are three reasons for this", {}),
]


def texts(batches: Iterable[Any]) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for batch in batches for record in batch.records}


def written(
    model: CausalModel, loaded=None, decoding: Decoding = SHORT, prompts=PROMPTS, **more: Any
) -> dict[str, str]:
    return {name: record["text"] for name, record in texts(generate(prompts, model, loaded, decoding, **more)).items()}


def sha(ids: list[int]) -> str:
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()


def read_as(record: dict[str, Any]) -> str:
    return record["provenance"]["generator"]["prompt_tokens_sha256"]


@pytest.fixture(scope="module")
def marked(loaded_of, key):
    return loaded_of(GreenList(key, context_width=2))


@pytest.fixture(scope="module")
def tiny(embedded) -> CausalModel:
    """A random Llama with the embedded tokenizer: flat scores, 96 positions."""
    config = LlamaConfig(
        vocab_size=8192, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=96, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return replace(embedded, model=AutoModelForCausalLM.from_config(config).eval(), name="tiny")


@pytest.fixture(scope="module")
def chatty(tiny) -> CausalModel:
    tokenizer = copy.deepcopy(tiny.tokenizer)
    tokenizer.chat_template = TEMPLATE
    return replace(tiny, tokenizer=tokenizer)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_text_does_not_depend_on_its_batch_mates(embedded, marked, temperature):
    """fp32, batches of 5, 1 and 2, any order of prompts: the same text for the same prompt."""
    decoding = replace(SHORT, temperature=temperature, top_k=40 if temperature else 0)
    together = written(embedded, marked, replace(decoding, batch_size=5))
    assert set(together) == set("abcde")
    assert written(embedded, marked, replace(decoding, batch_size=1)) == together
    assert written(embedded, marked, replace(decoding, batch_size=2), PROMPTS[::-1]) == together


def test_the_same_seed_gives_the_same_text_and_another_seed_another(embedded, marked):
    first = written(embedded, marked)
    torch.manual_seed(123)
    torch.rand(5)
    assert written(embedded, marked) == first
    other = written(embedded, marked, replace(SHORT, seed=4))
    assert not set(first.values()) & set(other.values())


def test_prompts_with_the_same_text_and_another_id_get_another_text(tiny):
    found = written(tiny, prompts=[Prompt("x", "The same", {}), Prompt("y", "The same", {})])
    assert found["x"] != found["y"]


def test_the_mark_changes_the_text_and_is_recorded_by_fingerprint_only(embedded, marked):
    with_mark, without = (texts(generate(PROMPTS[:1], embedded, mark, SHORT))["a"] for mark in (marked, None))
    assert with_mark["text"] != without["text"]
    assert without["provenance"]["watermark"] is None
    watermark = with_mark["provenance"]["watermark"]
    assert watermark["key_id"] == marked.mark.key.fingerprint
    assert watermark["profile"] == marked.profile.fingerprint
    assert marked.mark.key.secret.hex() not in json.dumps(with_mark)


def test_common_pairs_are_left_unmarked_as_the_profile_says(embedded, marked):
    """Greedy, against transformers called directly with the mark and its list; without the list other words win."""
    mark, end = marked.mark, embedded.tokenizer.eos_token_id
    common = common_words("en-1", embedded.text_tokenizer, mark.hash_key)
    found = written(embedded, marked, replace(SHORT, temperature=0.0, top_k=0))

    def direct(prompt: Prompt, config: MarkConfig) -> str:
        ids = torch.tensor([embedded.tokenizer(prompt.text).input_ids])
        generation = GenerationConfig(max_new_tokens=16, do_sample=False, watermarking_config=config, pad_token_id=end)
        new = embedded.model.generate(ids, generation_config=generation)[0, ids.shape[1] :].tolist()
        return embedded.tokenizer.decode([*new, end][: [*new, end].index(end)])

    assert found == {p.id: direct(p, MarkConfig(mark, end, common)) for p in PROMPTS}
    assert found != {p.id: direct(p, MarkConfig(mark, end)) for p in PROMPTS}


@pytest.mark.parametrize("done", [{"a"}, {"b", "d"}, {"a", "b", "c", "d", "e"}])
def test_what_is_done_is_skipped_and_the_rest_is_identical(tiny, marked, done):
    decoding = replace(SHORT, batch_size=2)
    everything = written(tiny, marked, decoding)
    rest = written(tiny, marked, decoding, done=done)
    assert rest == {name: text for name, text in everything.items() if name not in done}


def test_batches_in_which_all_is_done_are_not_generated(tiny):
    """Two by two, longest first."""
    longest_first = [p.id for p in sorted(PROMPTS, key=lambda p: -len(tiny.tokenizer(p.text).input_ids))]
    pairs = [longest_first[:2], longest_first[2:4], longest_first[4:]]
    two = replace(SHORT, batch_size=2)
    assert [[r["id"] for r in b.records] for b in generate(PROMPTS, tiny, None, two)] == pairs
    left = generate(PROMPTS, tiny, None, two, done=set(pairs[1]))
    assert [[r["id"] for r in b.records] for b in left] == [pairs[0], pairs[2]]


def test_several_samples_are_numbered_and_the_first_is_that_of_a_single_run(tiny, marked):
    several = written(tiny, marked, replace(SHORT, samples=3), PROMPTS[:2])
    assert sorted(several) == ["a/0", "a/1", "a/2", "b/0", "b/1", "b/2"]
    assert len(set(several.values())) == 6
    single = written(tiny, marked, SHORT, PROMPTS[:2])
    assert {name: several[f"{name}/0"] for name in "ab"} == single


def test_a_record_keeps_fields_and_says_how_it_was_made(tiny, marked):
    (record,) = texts(generate(PROMPTS[:1], tiny, marked, SHORT, created_at="2026-11-22")).values()
    assert record["topic"] == "houses"
    assert record["prompt"] == PROMPTS[0].text
    provenance = record["provenance"]
    assert provenance["created_at"] == "2026-11-22"
    assert provenance["n_tokens"] == 16
    assert provenance["finish"] == "length"
    generator = provenance["generator"]
    assert (generator["model"], generator["dtype"], generator["seed"], generator["sample"]) == ("tiny", "float32", 3, 0)
    assert generator["tokenizer"] == marked.profile.tokenizer_fingerprint
    assert read_as(record) == sha(tiny.tokenizer(PROMPTS[0].text).input_ids)


def with_ends(model: CausalModel, ids: list[int]) -> CausalModel:
    changed = copy.copy(model.model)
    changed.generation_config = copy.deepcopy(model.model.generation_config)
    changed.generation_config.eos_token_id = ids
    return replace(model, model=changed)


def test_a_text_ends_before_its_end_token(tiny):
    """Greedy, against transformers called directly: the end token is one that it writes after a few others."""
    decoding = replace(SHORT, temperature=0.0, top_k=0)
    for prompt in PROMPTS:
        ids = torch.tensor([tiny.tokenizer(prompt.text).input_ids])
        full = tiny.model.generate(ids, max_new_tokens=16, do_sample=False, eos_token_id=-1)[0, ids.shape[1] :].tolist()
        last = full[min(5, len(set(full)) - 1)]
        stop = full.index(last)
        (record,) = texts(generate([prompt], with_ends(tiny, [last]), None, decoding)).values()
        assert record["text"] == tiny.tokenizer.decode(full[:stop])
        assert (record["provenance"]["n_tokens"], record["provenance"]["finish"]) == (stop, "stop")


def test_each_text_of_a_batch_ends_where_it_would_alone(tiny):
    """Sampling; a quarter of all ids end a text: what is written is what an endless run of that length writes."""
    decoding = replace(SHORT, top_k=0)
    ended = texts(generate(PROMPTS, with_ends(tiny, list(range(0, 8192, 4))), None, decoding))
    lengths = {name: record["provenance"]["n_tokens"] for name, record in ended.items()}
    assert min(lengths.values()) < 16
    assert len(set(lengths.values())) > 2
    for prompt in PROMPTS:
        record, length = ended[prompt.id], lengths[prompt.id]
        assert record["provenance"]["finish"] == ("stop" if length < 16 else "length")
        endless = written(with_ends(tiny, [-1]), None, replace(decoding, max_new_tokens=max(length, 1)), [prompt])
        assert record["text"] == (endless[prompt.id] if length else "")


def test_a_text_does_not_end_before_the_minimum(tiny):
    ends = list(range(0, 8192, 4))
    records = texts(generate(PROMPTS, with_ends(tiny, ends), None, replace(SHORT, top_k=0, min_new_tokens=12)))
    lengths = [record["provenance"]["n_tokens"] for record in records.values()]
    assert min(lengths) >= 12
    assert all(record["provenance"]["generator"]["min_new_tokens"] == 12 for record in records.values())


def test_an_empty_prompt_starts_from_the_start_token(chatty):
    (record,) = texts(generate([Prompt("empty", "", {})], chatty, None, SHORT)).values()
    assert record["prompt"] == ""
    assert record["text"]
    assert read_as(record) == sha([0])


def test_an_empty_prompt_without_a_start_token_is_refused(tiny):
    tokenizer = copy.deepcopy(tiny.tokenizer)
    tokenizer.bos_token = tokenizer.eos_token = None
    batches = list(generate([Prompt("empty", "", {})], replace(tiny, tokenizer=tokenizer), None, SHORT))
    assert [str(e) for b in batches for e in b.refused] == [
        "prompt empty: is empty, and the model has no start token; give a prompt"
    ]


def test_the_chat_template_is_used_where_there_is_one(chatty):
    tokenizer, chat = chatty.tokenizer, ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})
    prompts = [Prompt("plain", "Hi", {}), Prompt("chat", "Hi", {}, chat)]
    found = texts(generate(prompts, chatty, None, SHORT))
    assert read_as(found["plain"]) == sha(tokenizer("<user>Hi<assistant>").input_ids)
    assert read_as(found["chat"]) == sha(tokenizer("<system>Be brief.<user>Hi<assistant>").input_ids)
    assert found["chat"]["messages"] == list(chat)
    assert "messages" not in found["plain"]
    bare = texts(generate(prompts[:1], chatty, None, replace(SHORT, chat=False)))
    assert read_as(bare["plain"]) == sha(tokenizer("Hi").input_ids)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            Prompt("long", "word " * 90, {}),
            r"prompt long: has \d+ tokens, too many: the model reads 96 with the 16 new ones; shorten it .*",
        ),
        (Prompt("half", "a\ud83d", {}), r"prompt half: holds the lone surrogate \\ud83d; remove it"),
        (
            Prompt("chat", "", {}, ({"role": "user"},)),
            r"prompt chat: does not fit the chat template of 'tiny': .*has no attribute 'content'",
        ),
        (
            Prompt("none", "", {}, ({"role": "user", "content": None},)),
            r"prompt none: does not fit the chat template of 'tiny': .*",
        ),
    ],
    ids=lambda value: value.id if isinstance(value, Prompt) else "",
)
def test_a_prompt_that_cannot_be_used_is_refused_in_one_line_while_others_go_on(chatty, prompt, message):
    batches = list(generate([PROMPTS[0], prompt, PROMPTS[1]], chatty, None, SHORT))
    refused = [error for batch in batches for error in batch.refused]
    assert [type(error) for error in refused] == [DataError]
    assert re.fullmatch(message, str(refused[0]))
    assert set(texts(batches)) == {"a", "b"}


def test_a_chat_without_a_template_is_refused(tiny):
    chat = Prompt("chat", "Hi", {}, ({"role": "user", "content": "Hi"},))
    (batch,) = generate([chat], tiny, None, SHORT)
    assert str(batch.refused[0]) == "prompt chat: has messages, which need a chat template; give a plain prompt"


def test_the_longest_prompt_that_fits_is_used(tiny):
    ids = tiny.tokenizer("the " * 200).input_ids[:80]
    text = tiny.tokenizer.decode(ids)
    assert len(tiny.tokenizer(text).input_ids) == 80
    assert written(tiny, prompts=[Prompt("x", text, {})])
    longer = tiny.tokenizer.decode([*ids, ids[-1]])
    assert not written(tiny, prompts=[Prompt("x", longer, {})])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"min_new_tokens": 201}, "min_new_tokens must be 0 to max_new_tokens, got 201"),
        ({"temperature": 1e-40}, r"temperature must be 0 \(greedy\), or from 0.001 to 100, got 1e-40"),
        ({"temperature": -1}, r"temperature must be 0 \(greedy\), or from 0.001 to 100, got -1"),
        ({"temperature": float("nan")}, r"temperature must be 0 \(greedy\), or from 0.001 to 100, got nan"),
        ({"top_k": -1}, r"top_k must be 0 \(all\) or more, got -1"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"samples": 0}, "samples must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Decoding(**changes)


def test_the_model_itself_is_left_as_it_was(tiny, marked):
    before = copy.deepcopy(tiny.model.generation_config)
    written(tiny, marked)
    assert tiny.model.generation_config == before
    assert tiny.model._get_logits_processor(before) == LogitsProcessorList()
