"""DetectRL (Wu et al., NeurIPS 2024, arXiv:2410.23746): JSON lists.

The benchmark's files hold `text`, `label` (human, llm), `data_type` (the field it was taken from) and `llm_type`, as its `benchmark construction.py` writes them. A human row
carries an `llm_type` too (whose half of the data it was in): it names no author. The files before that (`arxiv_2800.json`) hold rows with the human text (`abstract`,
`document`, `story` or `content`) and what was made of it, one field each: those belong together, which the benchmark's own files no longer say. `*_human` fields, human
texts that were paraphrased or perturbed and are labelled human, do not come out of the latter: what they are is contested.

`data_type` becomes the field `attack` (none, or the name of the field), so that plans can ask for it. Faults to know: chat prefaces in a third of the machine texts, newlines
deleted from the human ones (words run together), 336 rows labelled human that are paraphrases of machine text.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, text_label, without, word_of

_DOMAIN_OF = {"abstract": "arxiv", "document": "xsum", "story": "writing_prompt", "content": "yelp_review"}
_MADE = (
    "direct_prompt", "prompt_few_shot", "prompt_ICO", "paraphrase_polish_llm", "paraphrase_dipper_llm",
    "paraphrase_back_translation_llm", "perturbation_word_llm", "perturbation_character_llm", "perturbation_sent_llm",
)  # fmt: skip


@register_format("detectrl")
class DetectRL:
    """See the module."""

    name: ClassVar[str] = "detectrl"
    summary: ClassVar[str] = (
        "DetectRL: JSON list of text, label, data_type, llm_type; or rows with direct_prompt and others"
    )
    own_texts: ClassVar[bool] = True

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether it is a row of the benchmark, or one from before."""
        return {"text", "data_type"} <= set(values) or {"direct_prompt", "llm_type"} <= set(values)

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield the text, or those of a wide row."""
        values = record.values
        if "direct_prompt" in values and "text" not in values:
            yield from _wide(record)
            return
        label, made = text_label(values.get("label")), word_of(values.get("data_type"))
        domain = _DOMAIN_OF.get(made) or next((one for one in _DOMAIN_OF.values() if one in file), "")
        attack = "none" if made in _DOMAIN_OF or made == "direct_prompt" else made
        yield Entry(
            id=record.id,
            text=values.get("text"),
            label=label or values.get("label"),
            generator=HUMAN if label == HUMAN else word_of(values.get("llm_type")),
            domain=domain,
            lang="en",
            fields={**without(values, "text"), "attack": attack},
        )


def _wide(record: Record) -> Iterator[Entry]:
    values = record.values
    own = next((name for name in _DOMAIN_OF if isinstance(values.get(name), str)), "")
    model = word_of(values.get("llm_type"))
    fields = without(
        values, *(name for name in values if name in _DOMAIN_OF or name in _MADE or name.endswith("_human"))
    )
    for name in (own, *_MADE):
        text = values.get(name)
        if not name or not text:
            continue
        label = HUMAN if name == own else MACHINE
        attack = "none" if name in (own, "direct_prompt") else name
        yield Entry(
            id=f"{record.id}/{name}",
            text=text,
            label=label,
            generator=HUMAN if label == HUMAN else model,
            domain=_DOMAIN_OF.get(own, ""),
            lang="en",
            cluster=record.id,
            fields={**fields, "data_type": name, "attack": attack},
        )
