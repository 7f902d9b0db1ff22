"""The training recipe on a synthetic corpus of a few kilobytes: repeatable, resumable, and its parts do what they say."""

import hashlib
import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from assay.models.architecture import Size, build
from assay.models.bpe import END_OF_TEXT_ID, save_tokenizer, train_tokenizer
from assay.models.checkpoint import read_log
from assay.models.corpus import Document, Tokens, even_crops, pack, random_crops
from assay.models.export import publish
from assay.models.loop import Recipe, Run, train
from assay.models.optimizer import build_optimizers
from assay.models.schedule import (
    STAGES,
    WARM_UP,
    Stage,
    StepBudget,
    WallBudget,
    learning_rate_factor,
    parse_stages,
    stage_at,
)
from assay.models.scoring import document_losses, windows
from hypothesis import given, strategies
from tokenizers import Tokenizer

CPU = torch.device("cpu")
TINY = Size(width=32, layers=2, heads=2, mlp_width=64, vocab_size=300, context=64)
RECIPE = Recipe(
    budget=StepBudget(8),
    size=TINY,
    stages=(Stage(until=0.5, rows=4, length=16), Stage(until=1.0, rows=2, length=32)),
    log_every=1,
    valid_every=4,
    checkpoint_every=4,
    compiled=False,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Run on one thread: networks this small only lose by waiting for a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sentences(n: int) -> list[str]:
    """Return `n` short documents with a little grammar, the same every time."""
    draw = random.Random(0)
    subjects, verbs = ("the cat", "a dog", "the old man"), ("saw", "met", "heard")
    return [
        " ".join(f"{draw.choice(subjects)} {draw.choice(verbs)} {draw.choice(subjects)}." for _ in range(6))
        for _ in range(n)
    ]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Return a byte-level BPE of at most 300 entries."""
    return train_tokenizer(sentences(200), TINY.vocab_size)


@pytest.fixture(scope="module")
def tokens(tokenizer: Tokenizer) -> Tokens:
    """Return the packed stream of 200 documents."""
    return pack(tokenizer, (Document(text, "synthetic", "CC0-1.0") for text in sentences(200)))


def work_folder(path: Path, tokenizer: Tokenizer) -> Path:
    """Return `path` as a work folder that holds the tokenizer."""
    (path / "tokenizer").mkdir(parents=True)
    save_tokenizer(tokenizer, path / "tokenizer", TINY.context)
    return path


def curve(work: Path) -> list[tuple[str, int, int, float]]:
    """Return the log of a run without its times."""
    return [(row.split, row.step, row.length, row.loss) for row in read_log(work / "log.jsonl")]


def test_the_same_seed_gives_the_same_losses(tmp_path: Path, tokenizer: Tokenizer, tokens: Tokens) -> None:
    first, second = (work_folder(tmp_path / name, tokenizer) for name in ("first", "second"))
    for work in (first, second):
        end = train(RECIPE, tokens, tokens, work, CPU)
    assert curve(first) == curve(second)
    assert (end.step, end.tokens) == (8, 8 * 64)
    other = work_folder(tmp_path / "other", tokenizer)
    train(replace(RECIPE, seed=1), tokens, tokens, other, CPU)
    assert curve(other) != curve(first)


def test_a_run_killed_between_checkpoints_goes_on_to_the_same_curve(
    tmp_path: Path, tokenizer: Tokenizer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = (work_folder(tmp_path / name, tokenizer) for name in ("whole", "broken"))
    train(RECIPE, tokens, tokens, whole, CPU)

    def crops_until_the_kill(tokens: Tokens, seed: int, step: int, rows: int, length: int) -> object:
        if step == 6:  # two steps past the checkpoint; their log rows are on disk and must not count twice
            raise KeyboardInterrupt
        return random_crops(tokens, seed, step, rows, length)

    with monkeypatch.context() as patch:
        patch.setattr("assay.models.loop.random_crops", crops_until_the_kill)
        with pytest.raises(KeyboardInterrupt):
            train(RECIPE, tokens, tokens, broken, CPU)
    assert [row.step for row in read_log(broken / "log.jsonl")][-1] == 6
    train(RECIPE, tokens, tokens, broken, CPU)
    assert curve(broken) == curve(whole)


@pytest.mark.slow
def test_the_shipped_size_compiled_on_two_threads_repeats_and_resumes_exactly(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    """What the other tests show of a tiny network on one thread, for the network and the passes that made the weights."""
    torch.set_num_threads(2)
    recipe = replace(
        RECIPE,
        size=Size(),
        compiled=True,
        checkpoint_every=2,
        stages=(Stage(until=0.5, rows=4, length=64), Stage(until=1.0, rows=2, length=128)),
    )
    stream = np.random.default_rng(0).zipf(1.3, 20_000).clip(max=Size().vocab_size - 1).astype(np.uint16)
    works = [work_folder(tmp_path / name, tokenizer) for name in ("first", "second", "broken")]
    for work in works[:2]:
        train(recipe, stream, stream, work, CPU)
    run = Run(recipe, works[2], CPU)
    for _ in range(5):
        run.advance(stream)
        if run.step == 4:
            run.save()  # the fifth step is lost with the process
    train(recipe, stream, stream, works[2], CPU)
    torch.set_num_threads(1)
    assert curve(works[0]) == curve(works[1])
    assert curve(works[2]) == [row for row in curve(works[0]) if row[1] > 4]  # its first steps were not logged here


def test_a_run_continues_a_published_model(tmp_path: Path, tokenizer: Tokenizer, tokens: Tokens) -> None:
    """Its weights are the start, its log the beginning; steps count on, so the batches are new; a kill changes nothing."""
    first, out = work_folder(tmp_path / "first", tokenizer), tmp_path / "published"
    train(replace(RECIPE, budget=StepBudget(60)), tokens, tokens, first, CPU)
    publish(first, out)
    works = [work_folder(tmp_path / name, tokenizer) for name in ("whole", "broken")]
    end = train(RECIPE, tokens, tokens, works[0], CPU, initial=out, note="second")
    assert (end.step, end.tokens) == (68, 68 * 64)
    rows, before = read_log(works[0] / "log.jsonl"), read_log(out / "training.jsonl")
    assert rows[: len(before)] == before
    assert rows[len(before)].step == 61
    assert rows[len(before)].loss == pytest.approx(before[-2].loss, abs=0.3)  # of random weights: log(300) = 5.7
    recipe = json.loads((works[0] / "recipe.json").read_text())
    assert recipe["continues"]["recipe"]["budget"] == {"steps": 60}
    assert recipe["continues"]["ended"]["step"] == 60
    assert recipe["note"] == "second"
    assert recipe["continues"]["weights_sha256"] == hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    run = Run(RECIPE, works[1], CPU, initial=out)
    for _ in range(3):
        run.advance(tokens)
    run.save()
    publish(works[0], out)  # where a run was published over its start, only its work folder knows how it began
    train(RECIPE, tokens, tokens, works[1], CPU, initial=out)
    since = [[row for row in curve(work) if row[1] > 63] for work in works]
    assert since[0] == since[1]
    again = train(RECIPE, tokens, tokens, works[0], CPU, initial=out)
    assert again.step == 68, "a finished run stays finished"


def test_only_a_model_published_with_its_log_can_be_continued(tmp_path: Path, tokenizer: Tokenizer) -> None:
    (tmp_path / "published").mkdir()
    with pytest.raises(ValueError, match=r"training\.jsonl has no rows"):
        Run(RECIPE, work_folder(tmp_path / "work", tokenizer), CPU, initial=tmp_path / "published")


def test_training_learns_and_exports_a_loadable_model(tmp_path: Path, tokenizer: Tokenizer, tokens: Tokens) -> None:
    work = work_folder(tmp_path / "work", tokenizer)
    train(replace(RECIPE, budget=StepBudget(60)), tokens, tokens, work, CPU)
    losses = [row.loss for row in read_log(work / "log.jsonl") if row.split == "valid"]
    assert losses[0] < math.log(TINY.vocab_size)
    assert losses[-1] < losses[0] / 2  # measured: 4.96 to 1.80
    assert json.loads((work / "export" / "config.json").read_text())["dtype"] == "bfloat16"
    assert not list((work / "export").glob("*.bin"))


def test_a_wall_budget_ends_on_time_and_the_rate_decays_to_nothing() -> None:
    budget = WallBudget(minutes=2)
    assert budget.progress(step=10**6, elapsed_s=60.0) == 0.5
    assert budget.progress(step=0, elapsed_s=500.0) == 1.0
    assert learning_rate_factor(WARM_UP) == 1.0
    assert learning_rate_factor(1.0) == 0.0
    grid = np.linspace(WARM_UP, 1, 50)
    assert (np.diff([learning_rate_factor(float(progress)) for progress in grid]) < 0).all()


def test_stages_cover_the_run_and_lengthen() -> None:
    assert [stage_at(STAGES, progress) for progress in (0.0, 0.5, 0.8, 0.95, 1.0)] == [*STAGES, STAGES[-1]]
    assert STAGES[-1].length == Size().context
    assert [stage.length for stage in STAGES] == sorted(stage.length for stage in STAGES)


def test_stages_are_read_from_the_command_line() -> None:
    assert parse_stages("0.5:16x256, 1:8x512", context=512) == (Stage(0.5, 16, 256), Stage(1.0, 8, 512))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.5:16x256", "must rise from above 0 to 1"),
        ("0.6:1x1,0.5:1x1,1:1x1", "must rise"),
        ("0.5:1x1,0.5:1x1,1:1x1", "must rise"),
        ("0:1x1,1:1x1", "must rise from above 0"),
        ("-1:4x4,1:4x4", "a stage is UNTIL:ROWSxLENGTH"),
        ("1:16", "got '1:16'"),
        ("1:0x256", "rows of 1 to 512 tokens"),
        ("1:4x513", "rows of 1 to 512 tokens"),
    ],
)
def test_stages_that_make_no_run_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_stages(text, context=512)


def test_a_work_folder_takes_no_other_recipe(tmp_path: Path, tokenizer: Tokenizer, tokens: Tokens) -> None:
    work = work_folder(tmp_path / "work", tokenizer)
    train(RECIPE, tokens, tokens, work, CPU)
    before = (work / "recipe.json").read_bytes()
    with pytest.raises(ValueError, match="holds a run with seed 0, got 9; repeat its settings, or use an empty folder"):
        train(replace(RECIPE, seed=9), tokens, tokens, work, CPU)
    assert (work / "recipe.json").read_bytes() == before


def test_packing_puts_one_boundary_before_each_document(tokenizer: Tokenizer) -> None:
    texts = ["the cat saw a dog.", "", "a dog\n\nheard."]
    stream = pack(tokenizer, (Document(text, "synthetic", "CC0-1.0") for text in texts))
    boundaries = np.flatnonzero(stream == END_OF_TEXT_ID)
    pieces = np.split(stream, boundaries[1:])
    assert [tokenizer.decode(piece[1:].tolist()) for piece in pieces] == texts


def test_crops_are_runs_of_the_stream_and_depend_on_the_step() -> None:
    stream = np.arange(1000, dtype=np.uint16)
    crops = random_crops(stream, seed=0, step=3, rows=5, length=20)
    assert crops.shape == (5, 21)
    assert (np.diff(crops, axis=1) == 1).all()
    assert (crops == random_crops(stream, 0, 3, 5, 20)).all()
    assert (crops != random_crops(stream, 0, 4, 5, 20)).any()
    assert even_crops(stream, 3, 20)[[0, -1], [0, -1]].tolist() == [0, 999]
    with pytest.raises(ValueError, match="at least 1001 ids, got 1000"):
        random_crops(stream, 0, 0, 1, 1000)


@given(n_inputs=strategies.integers(0, 200), context=strategies.integers(1, 40), data=strategies.data())
def test_windows_count_every_target_once(n_inputs: int, context: int, data: strategies.DataObject) -> None:
    stride = data.draw(strategies.integers(1, context))
    plan = list(windows(0, n_inputs, context, stride))
    assert [target for window in plan for target in range(window.first, window.end)] == list(range(n_inputs))
    for window in plan:
        assert window.end - window.start <= context
        assert window.first == 0 or window.first - window.start >= min(window.first, context - stride)


def test_batched_window_losses_equal_one_pass_per_document() -> None:
    """With a window that holds each document whole, batching and padding must not change a loss."""
    model = build(TINY, seed=0).eval()
    documents = [[5, 9, 7, 4], [8], list(range(3, 40))]
    batched = document_losses(model, documents, context=64, stride=32, tokens_per_batch=80)
    for ids, loss in zip(documents, batched, strict=True):
        inputs = torch.tensor([[END_OF_TEXT_ID, *ids]])
        with torch.inference_mode():
            logits = model(input_ids=inputs[:, :-1]).logits
        alone = torch.nn.functional.cross_entropy(logits[0], inputs[0, 1:], reduction="sum").item()
        assert loss == pytest.approx(alone, rel=1e-5)


def test_every_weight_has_one_optimizer_and_embeddings_are_not_muons() -> None:
    model = build(TINY, seed=0)
    muon, adam = build_optimizers(model, muon_lr=0.02, adam_lr=0.005)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    by_muon, by_adam = (
        {names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]}
        for optimizer in (muon, adam)
    )
    assert by_muon.isdisjoint(by_adam)
    assert by_muon | by_adam == set(names.values())
    assert all("layers" in name and "norm" not in name for name in by_muon)
    assert "model.embed_tokens.weight" in by_adam


def test_building_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    build(TINY, seed=0)
    assert torch.equal(before, torch.get_rng_state())
