"""Raw data of Fast-DetectGPT (Bao et al., ICLR 2024, arXiv:2310.05130): one JSON object of two lists, `original` (human) and `sampled` (machine).

The same layout is DetectGPT's (Mitchell et al. 2023) and that of its followers. The i-th texts of both lists continue the same beginning: they belong together. The
file's name says data set and model (`xsum_gpt-4.raw_data.json`, as in the repository's `exp_*/data`): they become domain and generator.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, without

_LISTS = ("original", "sampled")


@register_format("fast-detectgpt")
class FastDetectGPT:
    """See the module."""

    name: ClassVar[str] = "fast-detectgpt"
    summary: ClassVar[str] = "Fast-DetectGPT and DetectGPT: one JSON object of the lists original and sampled"
    own_texts: ClassVar[bool] = True

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether both lists are there."""
        return all(isinstance(values.get(name), list) for name in _LISTS)

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield both lists, pair by pair."""
        if not FastDetectGPT.recognises(record.values):
            raise ValueError("expected the lists 'original' and 'sampled'; name the raw data, not results")
        original, sampled = (record.values[name] for name in _LISTS)
        if len(original) != len(sampled):
            raise ValueError(
                f"'original' has {len(original)} texts and 'sampled' {len(sampled)}, expected pairs; fetch the file again"
            )
        domain, generator = _named(file)
        fields = without(record.values, *_LISTS)
        for number, pair in enumerate(zip(original, sampled, strict=True), 1):
            together = f"{record.id}:{number}"
            for text, label, wrote in zip(pair, (HUMAN, MACHINE), (HUMAN, generator), strict=True):
                yield Entry(f"{together}/{label}", text, label, wrote, domain, "", together, fields)


def _named(file: str) -> tuple[str, str]:
    """Return data set and model of `xsum_gpt-4.raw_data.json`; empty where the name does not say."""
    name, raw, _ = file.partition(".raw_data")
    domain, underscore, generator = name.partition("_")
    return (domain, generator) if raw and underscore else ("", "")
