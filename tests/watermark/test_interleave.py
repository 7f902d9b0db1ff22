"""Separators between the tokens that a mark sees: where they stand, that only the mark notices, and that nothing changes without them."""

from dataclasses import replace

import pytest
import torch
from assay.corpus.generate_files import GenerationRun, PromptSource
from assay.corpus.prompts import Prompt
from assay.errors import DataError
from assay.watermark.decoding import Decoding
from assay.watermark.generate import generate
from assay.watermark.greenlist import GreenList
from assay.watermark.hf import MarkProcessor
from assay.watermark.interleave import Interleave, InterleavedMark

SHORT = Decoding(max_new_tokens=12, batch_size=4, seed=3)
PROMPTS = [Prompt("a", "The old house on the hill", {}), Prompt("b", "When", {})]
STAR = Interleave((42,), 1)


def records(model, loaded, interleave=None, decoding=SHORT):
    batches = generate(PROMPTS, model, loaded, decoding, interleave=interleave)
    return {record["id"]: record for batch in batches for record in batch.records}


def texts(*given, **more):
    return {name: record["text"] for name, record in records(*given, **more).items()}


@pytest.mark.parametrize(
    ("ids", "every", "expected"),
    [
        ((7,), 1, [9, 9, 1, 7, 2, 7, 3, 7, 4, 7, 5, 7]),
        ((7, 8), 2, [9, 9, 1, 2, 7, 8, 3, 4, 7, 8, 5]),
        ((7,), 5, [9, 9, 1, 2, 3, 4, 5, 7]),
        ((7,), 6, [9, 9, 1, 2, 3, 4, 5]),
    ],
)
def test_a_separator_follows_every_few_new_tokens_and_none_of_the_prompt(ids, every, expected):
    given = torch.tensor([[9, 9, 1, 2, 3, 4, 5]])
    assert Interleave(ids, every).seen(given, 2).tolist() == [expected]
    assert Interleave(ids, every).seen(given, 7).tolist() == given.tolist()


@pytest.mark.parametrize("bad", [{"ids": ()}, {"ids": (-1,)}, {"ids": (1,), "every": 0}])
def test_an_interleave_out_of_range_is_refused(bad):
    with pytest.raises(ValueError, match="must be at least"):
        Interleave(**bad)


def test_the_mark_sees_the_separator_as_context(key):
    """Width 1, a separator after each token: whatever was written last, the bias is that after the separator."""
    mark = MarkProcessor(GreenList(key))
    ids, scores = torch.tensor([[5, 6, 7], [5, 6, 8]]), torch.zeros(2, 100)
    after_star = mark(torch.tensor([[42], [42]]), scores)
    found = InterleavedMark(mark, STAR, 1)(ids, scores)
    assert torch.equal(found, after_star)
    assert not torch.equal(found, mark(ids, scores))
    every_third = InterleavedMark(mark, Interleave((42,), 3), 1)(ids, scores)  # two written: none has come yet
    assert torch.equal(every_third, mark(ids, scores))


def test_only_a_mark_with_a_context_notices_separators(embedded, loaded_of, key):
    assert texts(embedded, None, STAR) == texts(embedded, None)
    without_context = loaded_of(GreenList(key, context_width=0))
    assert texts(embedded, without_context, STAR) == texts(embedded, without_context)
    marked = loaded_of(GreenList(key))
    assert texts(embedded, marked, STAR) != texts(embedded, marked)


def test_a_text_under_the_attack_does_not_depend_on_its_batch(embedded, loaded_of, key):
    marked = loaded_of(GreenList(key, context_width=2))
    alone = replace(SHORT, batch_size=1)
    assert texts(embedded, marked, STAR, decoding=alone) == texts(embedded, marked, STAR)


def test_records_name_the_separators_only_where_there_are_any(embedded, loaded_of, key):
    marked = loaded_of(GreenList(key))
    with_star, without = records(embedded, marked, STAR)["a"], records(embedded, marked)["a"]
    assert with_star["provenance"]["generator"].pop("interleave") == {"ids": [42], "every": 1}
    assert with_star["provenance"]["generator"] == without["provenance"]["generator"]


def test_a_run_is_not_resumed_with_other_separators(tmp_path, embedded, loaded_of, key):
    out, prompts = str(tmp_path / "out.jsonl"), PromptSource(texts=("The sea",))

    def run(interleave):
        return GenerationRun(out, prompts, loaded_of(GreenList(key)), SHORT, ("embedded",), interleave)

    assert run(STAR).write(embedded, print).written == 1
    for other in (None, Interleave((42,), 2)):
        with pytest.raises(DataError, match="begun with another interleave"):
            run(other)
    assert run(STAR).write(embedded, print).written == 0
