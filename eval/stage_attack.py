"""Attacks in a plan: a part of a source in, the attacked texts and what was done to them out.

A text that an attack empties stays, empty. Where an attack cuts first (copy-paste: the share counts what is pasted), texts are cut to the length before it, and
shorter ones are left out at that length.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from assay.errors import AssayError, DataError

from .cut_texts import read_texts
from .store import Figures, Node, Part, Store


@dataclass(frozen=True)
class AttackJob:
    """What a worker needs to attack one part of a source.

    Attributes:
        root: of the store.
        source, number: the part.
        node, damage: where the texts go, and what was done to them.
        name, options, strength, seed: the attack.
        sides: labels that are attacked.
        cut: tokens that texts are cut to before; 0 for none.
        tokenizer: model whose tokens are counted.
        encoder: sentence encoder for similarities; empty for none.
    """

    root: Path
    source: Node
    number: int
    node: Node
    damage: Node
    name: str
    options: Mapping[str, Any]
    strength: float
    seed: int
    sides: tuple[str, ...]
    cut: int
    tokenizer: str
    encoder: str


def run_attack(job: AttackJob) -> None:
    """Attack one part, unless it is there, and measure what was done.

    Raises:
        AssayError: in one line, if the attack cannot be used.
    """
    store = Store(job.root)
    whole = store.read(job.source, job.number)
    if whole is None:
        raise ValueError(f"part {job.number} of {job.source} is missing")
    records = [record for record in whole.records if record["label"] in job.sides]
    texts = [record["text"] for record in records]
    if job.cut and texts:
        read = read_texts(texts, job.tokenizer)
        long_enough = read.long_enough(job.cut).tolist()
        records, texts = [records[d] for d in long_enough], [read.cut(d, job.cut) for d in long_enough]
    made = store.read(job.node, job.number)
    if made is None:
        made = _attacked(job, records, texts)
        store.write(job.node, job.number, made)
    if not store.has(job.damage, job.number):
        begun = perf_counter(), process_time()
        after = [record["text"] for record in made.records]
        damages = _damage(texts, after, job.encoder)
        said = [{"id": record["id"], **one} for record, one in zip(records, damages, strict=True)]
        store.write(job.damage, job.number, Part(said, spent(begun, len(texts), 0)))


@contextmanager
def naming(what: str) -> Generator[None]:
    """Say in the error of a job what it was about, unless it does so itself."""
    try:
        yield
    except AssayError as error:
        raise error if what in str(error) else DataError(f"{what}: {error}") from error


def spent(begun: tuple[float, float], texts: int, tokens: int) -> Figures:
    """Return what a part cost since `begun` (wall and CPU clock)."""
    return Figures(texts, tokens, perf_counter() - begun[0], process_time() - begun[1])


def _attacked(job: AttackJob, records: list[dict[str, Any]], texts: list[str]) -> Part:
    from .attack import attack_texts

    begun = perf_counter(), process_time()
    with naming(f"attack {job.name!r}"):
        attack = _attack(job.name, tuple(sorted(job.options.items(), key=lambda item: item[0])))
        begun = perf_counter(), process_time()
        after = attack_texts(attack, texts, job.strength, [record["id"] for record in records], job.seed)
    figures = spent(begun, len(texts), 0)
    tokens = int(read_texts(after, job.tokenizer).n_tokens.sum()) if after else 0
    kept = [
        {"id": record["id"], "text": text, "label": record["label"]}
        for record, text in zip(records, after, strict=True)
    ]
    return Part(kept, Figures(figures.texts, tokens, figures.wall_s, figures.cpu_s))


_made: dict[str, Any] = {}


def _attack(name: str, options: tuple[tuple[str, Any], ...]) -> Any:
    """Return an attack of this process; its model stays loaded until another attack is asked for."""
    from .attack import make_attack

    asked = repr((name, options))
    if asked not in _made:
        _made.clear()
        _made[asked] = make_attack(name, dict(options))
    return _made[asked]


def _damage(before: list[str], after: list[str], encoder: str) -> list[dict[str, Any]]:
    from .damage import damage

    return [one.to_record() for one in damage(before, after, _encoder(encoder) if encoder else None)]


@lru_cache(maxsize=1)
def _encoder(model: str) -> Any:
    from .sentence_encoder import SentenceEncoder

    return SentenceEncoder(model)
