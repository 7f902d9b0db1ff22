"""What can be wrong with a generation of a plan, found without loading its model."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assay.models import resolve

from .plan import UNMARKED, GenerateSpec, Plan
from .plan_tables import Problems, nearest, twice

if TYPE_CHECKING:
    from assay.watermark.profile import LoadedMark


def check_generation(
    plan: Plan, spec: GenerateSpec, marks: "Mapping[str, LoadedMark]", place: str, problems: Problems
) -> None:
    """Note what is wrong with one [[generate]]: marks, prompts, decoding, model, and whether the marks are for its tokenizer."""
    from assay.watermark.decoding import Decoding
    from assay.watermark.inspection import inspect_model
    from assay.watermark.profile import check_tokenizer
    from assay.watermark.tokenizer import load_tokenizer

    known = [UNMARKED, *(mark.name for mark in plan.marks)]
    for name in spec.marks:
        if name not in known and not plan.may_have("marks", name):
            problems.append(f"{place}: unknown mark {name!r}; {nearest(name, known)}")
    problems += [f"{place}: the mark {name!r} stands there twice" for name in twice(spec.marks)]
    if not spec.marks:
        problems.append(f"{place}: marks is empty; 'none' is unmarked text")
    if spec.prompts and spec.prompts_from:
        problems.append(f"{place}: give either prompts or prompts_from, not both")
    _check_prompts(plan, spec, place, problems)
    for name, value in (("n", spec.n), ("prompt_tokens", spec.prompt_tokens)):
        if value < 1:
            problems.append(f"{place}: {name} must be at least 1, got {value}")
    try:
        Decoding(
            spec.max_new_tokens,
            spec.temperature,
            spec.top_k,
            spec.top_p,
            spec.batch_size,
            min_new_tokens=spec.min_new_tokens,
        )
    except ValueError as error:
        problems.append(f"{place}: {error}")
    with problems.at(place):
        facts = inspect_model(spec.model, resolve(spec.model), spec.revision or None)
        needed = spec.max_new_tokens + (spec.prompt_tokens if spec.prompts_from else 1)
        if facts.context is not None and needed > facts.context:
            problems.append(
                f"{place}: {needed} tokens with the prompt are too many: {spec.model} reads {facts.context}"
            )
        tokenizer = load_tokenizer(resolve(spec.model), spec.revision or None)
        for name in spec.marks:
            if name in marks:
                with problems.at(f"{place}: mark {name!r}"):
                    check_tokenizer(marks[name], tokenizer, spec.model)


def _check_prompts(plan: Plan, spec: GenerateSpec, place: str, problems: Problems) -> None:
    if spec.prompts and not Path(spec.prompts).is_file():
        problems.append(f"{place}: the file of prompts {spec.prompts} does not exist")
    if not spec.prompts_from:
        return
    sets = {one.name: one for one in plan.texts}
    if spec.prompts_from not in sets:
        if not plan.may_have("texts", spec.prompts_from):
            problems.append(f"{place}: prompts_from names no text set; {nearest(spec.prompts_from, sets)}")
    elif sets[spec.prompts_from].role == "calibration":
        problems.append(
            f"{place}: {spec.prompts_from!r} sets thresholds (role calibration), and cannot be tested as well"
        )
