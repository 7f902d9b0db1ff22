"""The generation loop: prompts in, marked texts with their provenance out, batch by batch.

transformers does the decoding; this file decides what goes into a batch, which settings hold, what is recorded. A batch is a
function of the prompts and the settings alone, so an interrupted run that skips what is done gives the same texts.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch
from assay.errors import DataError
from jinja2 import TemplateError
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor
from transformers.generation.configuration_utils import BaseWatermarkingConfig

from .common import common_pairs
from .decoding import Decoding, PromptLike
from .hf import MarkProcessor
from .interleave import Interleave, InterleavedMark
from .model import CausalModel
from .pairs import CommonSet
from .profile import LoadedMark
from .provenance import provenance
from .sampling import RowSampler, row_seed

_WINDOW_BATCHES = 32


@dataclass(frozen=True)
class _Job:
    """One text to write: a prompt as ids, and which sample of it."""

    id: str
    prompt: PromptLike
    ids: list[int]
    sample: int


@dataclass(frozen=True)
class Batch:
    """What one step of the loop gives: finished records, and prompts that cannot be used with the reason."""

    records: list[dict[str, Any]]
    refused: list[DataError]


class _LateSlot(BaseWatermarkingConfig, LogitsProcessor):
    """Puts processors where `generate()` puts watermarks: after temperature, top-k and top-p."""

    def __init__(self, processors: list[LogitsProcessor]) -> None:
        self.processors = processors

    def validate(self) -> None:
        """Check nothing: the processors are checked where they are made."""

    def construct_processor(  # pyright: ignore[reportIncompatibleMethodOverride] (the base is annotated wrongly)
        self, vocab_size: int, device: Any
    ) -> LogitsProcessor:
        """Return itself, as the processor."""
        return self

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Apply the processors in order; shapes as in `MarkProcessor`."""
        for processor in self.processors:
            scores = processor(input_ids, scores)  # pyright: ignore[reportArgumentType] (LongTensor is a Tensor)
        return scores

    def __deepcopy__(self, memo: dict[int, Any]) -> "_LateSlot":
        return self


def generate(
    prompts: Iterable[PromptLike],
    model: CausalModel,
    loaded: LoadedMark | None,
    decoding: Decoding,
    *,
    done: Collection[str] = (),
    created_at: str = "",
    interleave: Interleave | None = None,
) -> Iterator[Batch]:
    """Generate a text, or several, for each prompt.

    Prompts are read in windows of 32 batches and sorted by length inside a window, longest first.

    Args:
        prompts: ids must be unique.
        model: the model.
        loaded: the mark, or None for unmarked text.
        decoding: how texts are drawn.
        done: ids of records that exist already; they are not given again.
        created_at: recorded with every text.
        interleave: separators that the mark sees between the new tokens and the texts do not keep (an attack, see `interleave.py`); None, the
            usual case, changes nothing, and without a mark it does nothing but stand in the records.

    Yields:
        One batch at a time, its records in a fixed order.
    """
    stream = iter(prompts)
    common = None
    if loaded is not None:
        common = common_pairs(loaded, model.text_tokenizer)
    prompts_per_window = max(_WINDOW_BATCHES * decoding.batch_size // decoding.samples, 1)
    while window := list(islice(stream, prompts_per_window)):
        jobs: list[_Job] = []
        refused: list[DataError] = []
        for prompt in window:
            try:
                ids = _encode(prompt, model, decoding)
            except DataError as error:
                refused.append(error)
                continue
            names = [prompt.id] if decoding.samples == 1 else [f"{prompt.id}/{s}" for s in range(decoding.samples)]
            jobs += [_Job(name, prompt, ids, sample) for sample, name in enumerate(names)]
        if refused:
            yield Batch([], refused)
        jobs.sort(key=lambda job: -len(job.ids))
        for start in range(0, len(jobs), decoding.batch_size):
            batch = jobs[start : start + decoding.batch_size]
            if any(job.id not in done for job in batch):
                records = _generate_batch(batch, model, loaded, common, decoding, created_at, interleave)
                yield Batch([record for record in records if record["id"] not in done], [])


def _encode(prompt: PromptLike, model: CausalModel, decoding: Decoding) -> list[int]:
    """Return a prompt's ids, or the start token's for an empty one.

    Raises:
        DataError: if it does not fit the model beside the new tokens, or is empty and the model has no start token.
    """
    tokenizer, place = model.tokenizer, f"prompt {prompt.id}"
    if decoding.chat and tokenizer.chat_template and (prompt.messages or prompt.text):
        messages = prompt.messages or [{"role": "user", "content": prompt.text}]
        try:
            text = tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
        except (TemplateError, TypeError) as error:
            raise DataError(f"does not fit the chat template of {model.name!r}: {error}", place=place) from None
        ids = _read(tokenizer, text, place, add_special_tokens=False)  # a template writes its own control tokens
    elif prompt.messages:
        raise DataError("has messages, which need a chat template; give a plain prompt", place=place)
    else:
        ids = _read(tokenizer, prompt.text, place)
    if not ids:
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if start is None:
            raise DataError("is empty, and the model has no start token; give a prompt", place=place)
        ids = [start]
    room = model.max_positions
    if room is not None and len(ids) + decoding.max_new_tokens > room:
        raise DataError(
            f"has {len(ids)} tokens, too many: the model reads {room} with the {decoding.max_new_tokens} new ones; "
            "shorten it or lower --max-new-tokens",
            place=place,
        )
    return list(ids)


def _read(tokenizer: Any, text: str, place: str, **options: bool) -> list[int]:
    """Return the ids of a text, which must be Unicode: a lone surrogate is no character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"holds the lone surrogate \\u{ord(text[error.start]):04x}; remove it", place=place) from None
    return tokenizer(text, verbose=False, **options).input_ids  # whether it is too long is said by us


def _generate_batch(
    jobs: list[_Job],
    model: CausalModel,
    loaded: LoadedMark | None,
    common: CommonSet | None,
    decoding: Decoding,
    created_at: str,
    interleave: Interleave | None,
) -> list[dict[str, Any]]:
    tokenizer = model.tokenizer
    eos = _end_tokens(model)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (eos[0] if eos else 0)
    length = max(len(job.ids) for job in jobs)
    inputs = torch.full((len(jobs), length), pad, dtype=torch.int64)
    attention = torch.zeros_like(inputs)
    for row, job in enumerate(jobs):
        inputs[row, length - len(job.ids) :] = torch.tensor(job.ids)
        attention[row, length - len(job.ids) :] = 1
    processors: list[LogitsProcessor] = []
    if loaded is not None:
        marking = MarkProcessor(loaded.mark, pad, common)  # pyright: ignore[reportArgumentType]
        processors.append(InterleavedMark(marking, interleave, length) if interleave else marking)
    if decoding.temperature > 0:
        processors.append(RowSampler([row_seed(decoding.seed, job.prompt.id, job.sample) for job in jobs], length))
    config = _generation_config(decoding, eos, pad)
    config.watermarking_config = _LateSlot(processors) if processors else None
    with torch.inference_mode():
        output = model.model.generate(
            inputs.to(model.device),
            attention_mask=attention.to(model.device),
            generation_config=config,
        )
    written = output[:, length:].cpu()
    return [
        _record(job, row.tolist(), model, loaded, decoding, eos, created_at, interleave)
        for job, row in zip(jobs, written, strict=True)
    ]


def _generation_config(decoding: Decoding, eos: list[int], pad: int) -> GenerationConfig:
    """Return settings that owe nothing to the model's own defaults."""
    warpers: dict[str, Any] = {"do_sample": False}
    if decoding.temperature > 0:
        warpers = {
            "do_sample": True,
            "temperature": decoding.temperature,
            "top_k": decoding.top_k,
            "top_p": decoding.top_p,
        }
    warpers |= {"min_new_tokens": decoding.min_new_tokens} if decoding.min_new_tokens else {}
    return GenerationConfig(
        max_new_tokens=decoding.max_new_tokens, eos_token_id=eos or None, pad_token_id=pad, **warpers
    )


def _end_tokens(model: CausalModel) -> list[int]:
    """Return the ids that end a text: the model's own list, else the tokenizer's."""
    stated = getattr(model.model.generation_config, "eos_token_id", None)
    if stated is None:
        stated = model.tokenizer.eos_token_id
    return [] if stated is None else [stated] if isinstance(stated, int) else list(stated)


def _record(
    job: _Job,
    written: list[int],
    model: CausalModel,
    loaded: LoadedMark | None,
    decoding: Decoding,
    eos: list[int],
    created_at: str,
    interleave: Interleave | None,
) -> dict[str, Any]:
    end = next((i for i, token in enumerate(written) if token in eos), None)
    ids = written if end is None else written[:end]
    text = model.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    prompt_hash = hashlib.sha256(" ".join(map(str, job.ids)).encode("ascii")).hexdigest()
    settings = {**asdict(decoding), "sample": job.sample, "prompt_tokens_sha256": prompt_hash}
    del settings["samples"]
    if interleave is not None:
        settings["interleave"] = interleave.to_record()
    record: dict[str, Any] = {**job.prompt.fields, "id": job.id, "prompt": job.prompt.text, "text": text}
    if job.prompt.messages:
        record["messages"] = list(job.prompt.messages)
    record["provenance"] = provenance(model, loaded, settings, created_at) | {
        "n_tokens": len(ids),
        "finish": "length" if end is None else "stop",
    }
    return record
