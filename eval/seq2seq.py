"""A sequence-to-sequence model that writes one text for another: paraphrasers (T5, DIPPER) and translators (Marian).

Loaded as causal models are: safetensors only (a pickle can execute code when opened), no remote code, every tensor in the file. Decoding is greedy or
drawn from the nucleus, with each input's own stream. Beams are left out: the published attacks sample, and beams are many times the work.

Inputs of one length share a batch, filled up to a multiple of eight rows, so no number meets padding and what becomes of an input does not depend on its neighbours.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from assay.errors import ModelError
from assay.watermark.config import read_json
from assay.watermark.hub import hub_folder, local_folder, quiet_hub
from assay.watermark.weights import weight_files
from numpy.typing import NDArray

from .nucleus import draw

_ROWS, _STEP = 32, 8
_LONGEST_INPUT = 512


@dataclass(frozen=True)
class Writing:
    """How texts are drawn.

    Attributes:
        temperature: 0 for greedy decoding.
        top_p: share of the probability drawn from.
        max_new_tokens: longest output in tokens.
    """

    temperature: float
    top_p: float
    max_new_tokens: int = 512

    def __post_init__(self) -> None:
        for name, ok, expected in (
            (
                "temperature",
                self.temperature == 0 or 1e-3 <= self.temperature <= 100,
                "0 (greedy), or from 0.001 to 100",
            ),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_new_tokens", self.max_new_tokens >= 1, "at least 1"),
        ):
            if not ok:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Seq2Seq:
    """A model with its tokenizer."""

    model: Any
    tokenizer: Any

    def write(self, inputs: Sequence[str], seeds: Sequence[int], writing: Writing) -> list[str]:
        """Return the text written for each input; one longer than 512 tokens is read to there."""
        encoded = [_readable(self.tokenizer, one) for one in inputs]
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for i, ids in enumerate(encoded):
            groups[len(ids)].append(i)
        texts = [""] * len(inputs)
        for length, members in sorted(groups.items()):
            for first in range(0, len(members), _ROWS if length else len(members)):
                batch = members[first : first + _ROWS]
                if length:
                    written = self._batch([encoded[i] for i in batch], [seeds[i] for i in batch], writing)
                    for i, ids in zip(batch, written, strict=True):
                        texts[i] = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return texts

    def _batch(self, inputs: list[list[int]], seeds: list[int], writing: Writing) -> list[list[int]]:
        used, device = len(inputs), self.model.device
        rows = used + -used % _STEP
        ids = torch.tensor([*inputs, *[inputs[0]] * (rows - used)], device=device)
        words = np.array([*seeds, *[0] * (rows - used)], np.uint64)
        ends, barred = self._ends(), self._barred()
        written = np.zeros((rows, 0), np.int64)
        finished = np.arange(rows) >= used
        tokens = np.full(rows, self._start(), np.int64)
        cache: Any = None
        with torch.inference_mode():
            encoder: Any = self.model.get_encoder()(input_ids=ids)
            for place in range(writing.max_new_tokens):
                output: Any = self.model(
                    encoder_outputs=encoder,
                    decoder_input_ids=torch.from_numpy(tokens[:, None]).to(device),
                    past_key_values=cache,
                    use_cache=True,
                )
                cache = output.past_key_values
                tokens = self._next(output.logits[:, -1].float(), words, place, writing, barred)
                finished |= np.isin(tokens, ends)
                written = np.concatenate([written, tokens[:, None]], 1)
                if finished.all():
                    break
        return [_until(row.tolist(), ends) for row in written[:used]]

    def _next(
        self, logits: torch.Tensor, seeds: NDArray[np.uint64], place: int, writing: Writing, barred: list[int]
    ) -> NDArray[np.int64]:
        forced = getattr(self.model.generation_config, "forced_bos_token_id", None)
        if place == 0 and isinstance(forced, int):
            return np.full(len(logits), forced, np.int64)
        logits[:, barred] = -torch.inf
        if writing.temperature == 0:
            return logits.argmax(1).cpu().numpy()
        counters = np.full(len(logits), place, np.uint64)
        return draw(logits, seeds, counters, writing.temperature, writing.top_p)

    def _start(self) -> int:
        config = self.model.config
        for value in (
            getattr(config, "decoder_start_token_id", None),
            self.model.generation_config.decoder_start_token_id,
        ):
            if isinstance(value, int):
                return value
        return int(self.tokenizer.pad_token_id or 0)

    def _ends(self) -> list[int]:
        stated = self.model.generation_config.eos_token_id
        stated = self.tokenizer.eos_token_id if stated is None else stated
        return [] if stated is None else [stated] if isinstance(stated, int) else list(stated)

    def _barred(self) -> list[int]:
        """Return control tokens that must not be written: padding (Marian would) and those beyond the tokenizer."""
        width = int(self.model.config.vocab_size)
        special = {int(i) for i in self.tokenizer.all_special_ids} - set(self._ends())
        return sorted({i for i in special if i < width} | set(range(len(self.tokenizer), width)))


@lru_cache(maxsize=3)
def seq2seq(model: str, device: str = "auto") -> Seq2Seq:
    """Return a model by folder or hub id, loaded once a process.

    Raises:
        ModelError: in one line, if it is no sequence-to-sequence model, has no safetensors, lacks tensors, asks for remote code, or cannot be found.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    check_seq2seq(model)
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    source = str(local_folder(model) or model)
    failures = (
        *(OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError, AttributeError),
        *(SafetensorError, StrictDataclassError),
    )
    dtype: Any = torch.float32 if place.type == "cpu" else "auto"
    try:
        with quiet_hub():
            tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
            loaded: Any = AutoModelForSeq2SeqLM.from_pretrained(
                source, trust_remote_code=False, use_safetensors=True, dtype=dtype, output_loading_info=True
            )
        net, info = loaded
        net = net.to(place).eval()
    except failures as error:
        raise ModelError(f"cannot load model {model!r}: {' '.join(str(error).split())[:300]}") from None
    if missing := sorted(info["missing_keys"]):
        raise ModelError(
            f"the weights of {model!r} are incomplete: {len(missing)} tensors missing, {missing[0]} for one; save the whole model again"
        )
    return Seq2Seq(net, tokenizer)


def check_seq2seq(model: str) -> None:
    """Refuse, without loading it, a model that is not there or does not read one text and write another.

    Raises:
        ModelError: in one line.
    """
    folder: Path | None = local_folder(model)
    place = hub_folder(model) if folder is None else folder
    if not (place / "config.json").is_file():
        raise ModelError(
            f"{place} is not a model folder: it has no config.json; name a folder written by save_pretrained"
        )
    config = read_json(place / "config.json")
    if config.get("auto_map"):
        raise ModelError(
            f"{model!r} asks for its own Python code; Assay never runs code from a model: use one that transformers supports natively"
        )
    if not config.get("is_encoder_decoder"):
        kind = config.get("model_type", "no model_type")
        raise ModelError(
            f"{model!r} ({kind}) is not a sequence-to-sequence model; expected an encoder-decoder such as T5 or Marian"
        )
    if folder is not None:
        weight_files(folder, model)


def _readable(tokenizer: Any, text: str) -> list[int]:
    """Return the ids of an input; lone surrogates, which are no characters, are left out."""
    clean = text.encode("utf-8", "ignore").decode("utf-8")
    ids: Any = tokenizer(clean, truncation=True, max_length=_LONGEST_INPUT, verbose=False).input_ids
    return list(ids)


def _until(ids: list[int], ends: list[int]) -> list[int]:
    return ids[: next((i for i, one in enumerate(ids) if one in ends), len(ids))]
