"""Generation in a plan: one file of texts for a model, a mark and its prompts, resumed batch by batch, then cut into the store's parts.

While it grows the output is OUT/store/generate/KEY/texts.jsonl, written as `assay generate` writes; a killed run goes on after its last whole batch and ends with the
same texts. An attack that acts at generation writes another such file with its hook.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter, process_time, sleep
from typing import TYPE_CHECKING, Any

from assay.errors import DataError
from assay.models import resolve

from .plan import GenerateSpec
from .score_table import MACHINE
from .stage_texts import keep
from .store import Node, Store

if TYPE_CHECKING:
    from assay.corpus.writer import JsonLinesWriter

_LOCKED_S = 20.0


@dataclass(frozen=True)
class GenerateJob:
    """What a worker needs to write the texts of one node.

    Attributes:
        root: of the store.
        node, prompts: output and input.
        spec: decoding and model.
        mark: profile, or None for unmarked text.
        seed: of the generation.
        device: where the model runs.
        hook: name, options and strength of an attack at generation; None for none.
        title: for messages.
    """

    root: Path
    node: Node
    prompts: Node
    spec: GenerateSpec
    mark: Path | None
    seed: int
    device: str
    title: str
    hook: tuple[str, Mapping[str, Any], float] | None = None


@dataclass(frozen=True)
class _Prompt:
    id: str
    text: str
    messages: tuple[dict[str, Any], ...]
    fields: dict[str, Any]


def run_generate(job: GenerateJob) -> int:
    """Write what is missing; return how many texts there are.

    Raises:
        AssayError: in one line, if the model or the mark cannot be used, or no prompt gave a text.
    """
    import json

    store = Store(job.root)
    if done := store.finished(job.node):
        return int(done["n"])
    begun = perf_counter(), process_time()
    folder = store.folder(job.node)
    folder.mkdir(parents=True, exist_ok=True)
    records = store.records(job.prompts)
    refused = _write(job, [_prompt(record) for record in records], folder / "texts.jsonl")
    with open(folder / "texts.jsonl", encoding="utf-8") as file:
        written = {record["id"]: record for record in map(json.loads, file)}
    subjects = [_subject(record, written[record["id"]], job) for record in records if record["id"] in written]
    if not subjects:
        raise DataError(
            f"generation {job.title!r}: no prompt could be used, {refused[0] if refused else 'there is none'}"
        )
    tokens = sum(int(one["provenance"]["n_tokens"]) for one in written.values())
    return keep(store, job.node, subjects, begun, tokens=tokens, refused=len(refused))


def _write(job: GenerateJob, prompts: list[_Prompt], out: Path) -> list[str]:
    """Generate into a file that may hold a part already; return why prompts were refused."""
    from assay.watermark.decoding import Decoding
    from assay.watermark.generate import generate
    from assay.watermark.profile import load_mark

    spec, refused = job.spec, list[str]()
    with _writer(out) as writer:
        done = set(writer.resumed.ids)
        if len(done) == len(prompts):
            return refused
        model = _model(spec.model, spec.revision, job.device, spec.dtype)
        loaded = load_mark(job.mark) if job.mark else None
        decoding = Decoding(
            spec.max_new_tokens, spec.temperature, spec.top_k, spec.top_p, spec.batch_size, job.seed,
            chat=spec.chat, min_new_tokens=spec.min_new_tokens,
        )  # fmt: skip
        hook = _hook(job, model)
        for batch in generate(prompts, model, loaded, decoding, done=done, interleave=hook):
            refused += [str(error) for error in batch.refused]
            writer.write_all(batch.records)
    return refused


def _writer(out: Path) -> "JsonLinesWriter":
    """Open the file to go on; the worker of a driver that was killed a moment ago may hold it a little longer."""
    from assay.corpus.writer import JsonLinesWriter

    until = monotonic() + _LOCKED_S
    while True:
        try:
            return JsonLinesWriter(str(out), append=True)
        except DataError as error:
            if not isinstance(error.__cause__, BlockingIOError) or monotonic() > until:
                raise
            sleep(0.2)


_models: dict[tuple[str, str, str, str], Any] = {}


def _model(name: str, revision: str, device: str, dtype: str) -> Any:
    """Return a model of this process, one at a time: two large ones may not fit."""
    from assay.watermark.model import load_model

    asked = (name, revision, device, dtype)
    if asked not in _models:
        _models.clear()
        _models[asked] = load_model(name, resolve(name), revision or None, device, dtype)
    return _models[asked]


def _hook(job: GenerateJob, model: Any) -> Any:
    if job.hook is None:
        return None
    from .attack import make_attack

    name, options, strength = job.hook
    attack: Any = make_attack(name, options)
    return attack.generation_hook(strength, model.text_tokenizer)


def _prompt(record: Mapping[str, Any]) -> _Prompt:
    return _Prompt(record["id"], record["prompt"], tuple(record.get("messages", ())), {})


def _subject(prompt: Mapping[str, Any], written: Mapping[str, Any], job: GenerateJob) -> dict[str, Any]:
    return {
        "id": prompt["id"],
        "text": written["text"],
        "label": MACHINE,
        "generator": job.spec.model,
        **{name: prompt.get(name, "") for name in ("domain", "lang", "group")},
        "cluster": prompt["cluster"],
    }
