r"""MGTBench (He et al., CCS 2024, arXiv:2303.14822): its CSV files, and the JSON that its loader makes of them.

Files of `datasets/` in its repository, one row a question, as its `dataset_loader.py` and `mgtbench/loading/dataloader.py` read them: `Question`, the human answer in
`Best Answer` (TruthfulQA) or `answers` (SQuAD1: a Python literal with the list 'text', of which the first is meant; NarrativeQA: answers with `;` between them, the first is
meant), machine answers in `<model>_answer` (`chatgpt_answer`, `ChatGLM_answer`, ...); Essay, WP and Reuters (`*_LLMs.csv`): the human text in `human`, one column a model.
A row belongs together. The loader's result is one JSON object of `train` and `test`, each with the lists `text` and `label` (0 human, 1 machine), human and machine
in turn: those two belong together.

Deviation: the loader mends spaces and drops answers of one word; here texts come as they stand, except that Python literals are read (`ast.literal_eval`, where the loader
calls `eval`).
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast

from assay.corpus.records import Record

from .text_formats import HUMAN, MACHINE, Entry, register_format, text_label, without, word_of

_NOT_MODELS = {"", "id", "index", "prompt", "title", "topic", "category", "type", "name"}


@register_format("mgtbench")
class MgtBench:
    """See the module."""

    name: ClassVar[str] = "mgtbench"
    summary: ClassVar[str] = (
        "MGTBench: CSV of questions with human and <model>_answer columns, or JSON of train and test lists"
    )
    own_texts: ClassVar[bool] = True

    @staticmethod
    def recognises(values: Mapping[str, Any]) -> bool:
        """Say whether it has answers by model, a human column, or the loader's lists."""
        answers = any(name.endswith("_answer") for name in values)
        return (answers and _human_column(values) != "") or _is_split(values.get("train")) or _is_wide(values)

    @staticmethod
    def entries(record: Record, file: str) -> Iterator[Entry]:
        """Yield the texts of a row, or of the loader's lists."""
        values = record.values
        if any(_is_split(values.get(part)) for part in ("train", "test")):
            yield from _lists(record)
            return
        human = _human_column(values) or "human"
        models = _models(values, human)
        fields = without(values, human, *models)
        domain = word_of(values.get("Category")) or file.partition(".")[0].removesuffix("_LLMs").partition("_")[0]
        for name, label in ((human, HUMAN), *((name, MACHINE) for name in models)):
            text = _first_answer(values.get(name)) if name == "answers" else values.get(name)
            if text not in (None, ""):
                wrote = HUMAN if label == HUMAN else models[name]
                yield Entry(f"{record.id}/{wrote}", text, label, wrote, domain, "en", record.id, fields)


def _human_column(values: Mapping[str, Any]) -> str:
    return next((name for name in ("Best Answer", "answers", "human") if name in values), "")


def _is_wide(values: Mapping[str, Any]) -> bool:
    """Say whether it is a row of Essay, WP or Reuters: a human column and a model's beside it."""
    return "text" not in values and isinstance(values.get("human"), str) and bool(_models(values, "human"))


def _models(values: Mapping[str, Any], human: str) -> dict[str, str]:
    """Return the columns of machine texts, each with its model's name."""
    answers = {name: name.removesuffix("_answer") for name in values if name.endswith("_answer")}
    if answers or human != "human":
        return answers
    named = [name for name in values if name != human and name.lower() not in _NOT_MODELS]
    return {name: name for name in named if isinstance(values[name], str) and not name.startswith("Unnamed")}


def _first_answer(value: Any) -> Any:
    """Return the answer that MGTBench takes as the human one."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value.split(";")[0] if isinstance(value, str) else value
    try:
        literal: Any = ast.literal_eval(value)
        return literal["text"][0]
    except (ValueError, SyntaxError, KeyError, IndexError, TypeError, MemoryError, RecursionError):
        raise ValueError("field 'answers' is no literal with a list 'text'; fetch the file again") from None


def _is_split(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    part = cast("dict[str, Any]", value)
    return isinstance(part.get("text"), list) and isinstance(part.get("label"), list)


def _lists(record: Record) -> Iterator[Entry]:
    for name in ("train", "test"):
        part: Any = record.values.get(name)
        if not _is_split(part):
            continue
        texts, labels = part["text"], part["label"]
        if len(texts) != len(labels):
            raise ValueError(f"{name!r} has {len(texts)} texts and {len(labels)} labels; fetch the file again")
        for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
            together = f"{record.id}:{name}-{number // 2}"
            said = text_label(label)
            wrote = HUMAN if said == HUMAN else ""
            yield Entry(f"{record.id}:{name}-{number}", text, said or label, wrote, "", "en", together, {"split": name})
