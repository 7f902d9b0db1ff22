"""Plain records, one text each: `id`, `text`, `label`, and if they are there `generator`, `domain`, `lang`, and `pair_id` or `cluster` for what belongs together.

Labels: human, 0, false; ai, machine, llm, synthetic, generated, 1, true. Other names of fields are the plan's to say (`fields`).

One public collection, MAGE (Li et al. 2024, arXiv:2305.13242), counts the other way: its label 1 is human. Its `src` says who wrote a text ("cmv_human",
"cmv_machine_continuation_gpt_j"); where that contradicts the label, the record is refused rather than every score inverted.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, text_label, without, word_of


@register_format("plain")
class Plain:
    """See the module."""

    name: ClassVar[str] = "plain"
    summary: ClassVar[str] = "one text a record: id, text, label, generator, domain, lang, pair_id"
    own_texts: ClassVar[bool] = False

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether there is a text."""
        return "text" in values

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield the one text."""
        values = record.values
        _check_source(word_of(values.get("src")), text_label(values.get("label")))
        yield Entry(
            id=record.id,
            text=values.get("text"),
            label=values.get("label"),
            generator=word_of(values.get("generator")),
            domain=word_of(values.get("domain")),
            lang=word_of(values.get("lang")),
            cluster=word_of(values.get("pair_id")) or word_of(values.get("cluster")),
            fields=without(values, "text"),
        )


def _check_source(source: str, label: str) -> None:
    wrote = HUMAN if source.endswith("_human") else MACHINE if "_machine_" in source else ""
    if wrote and label and wrote != label:
        raise ValueError(
            f"field 'src' says {source!r}, the label says {label}; MAGE counts 1 as human: give each class as a text set of its own "
            "(where on its label) and say its label there"
        )
