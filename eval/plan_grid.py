"""What a plan comes to: sources of texts, each attack at each strength on them, and what each detector is to score; all by the keys of the store.

Which cells there are: every detector scores every unattacked text. Under an attack a mark's detector scores the people's texts and those that carry its mark (texts
under other marks are nulls, unattacked); the others score all. Texts of the role `calibration` are never attacked. Stored scores know only texts as they were. Texts
that no detector would score under an attack are not attacked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .plan import UNMARKED, GenerateSpec, Plan
from .plan_check import Checked, ReadyAttack
from .score_table import HUMAN, MACHINE, UNATTACKED
from .store import Node, node

if TYPE_CHECKING:
    from assay.watermark.profile import LoadedMark

    from .detector import EvalDetector


@dataclass(frozen=True)
class Source:
    """Texts of one origin.

    Attributes:
        name: in the table.
        node: where its texts are.
        role: test or calibration.
        label: human or machine; empty where its records say.
        mark: name of the mark its machine texts carry.
        generate: who wrote it, of generated texts.
        profile_mark: the mark it is generated with; None for unmarked text.
    """

    name: str
    node: Node
    role: str = "test"
    label: str = ""
    mark: str = ""
    generate: GenerateSpec | None = None


@dataclass(frozen=True)
class Variant:
    """A source under one attack at one strength, or as it was.

    Attributes:
        node: where its texts are.
        attack: the attack; None for the texts as they were.
        sides: labels that are attacked.
        cut: tokens that texts were cut to before the attack; 0 for none.
        lengths: tokens that they are cut to for scoring; of an attack that cuts first, `cut` alone.
    """

    source: Source
    node: Node
    attack: ReadyAttack | None
    strength: float
    sides: tuple[str, ...]
    cut: int
    lengths: tuple[int, ...]

    @property
    def title(self) -> str:
        """What tables call its attack."""
        return self.attack.title if self.attack else UNATTACKED


@dataclass(frozen=True)
class ScoreTask:
    """What one detector is to say of a variant at one length; `labels` are those of the texts it scores."""

    variant: Variant
    length: int
    detector: str
    labels: tuple[str, ...]
    node: Node


@dataclass(frozen=True)
class Keys:
    """What the keys of the store are made of beside the plan: the contents behind its names.

    Attributes:
        texts: fingerprint of each text set.
        models: fingerprint of each model that writes, by name and revision.
        prompts: SHA-256 of each file of prompts.
        tokenizer: fingerprint of the plan's.
        encoder: fingerprint of the sentence encoder; empty without one.
    """

    texts: Mapping[str, Any]
    models: Mapping[tuple[str, str], str]
    prompts: Mapping[str, str]
    tokenizer: str
    encoder: str = ""


@dataclass(frozen=True)
class Grid:
    """Everything a plan needs, in order."""

    sources: tuple[Source, ...]
    variants: tuple[Variant, ...]
    tasks: tuple[ScoreTask, ...]
    prompts: Mapping[str, Node]


def make_grid(
    checked: Checked, marks: "Mapping[str, LoadedMark]", detectors: "Sequence[EvalDetector]", keys: Keys
) -> Grid:
    """Return what the plan comes to with these marks and detectors."""
    plan = checked.plan
    sets = texts_nodes(plan, keys)
    prompts = {one.name: _prompts_node(one, plan, sets, keys) for one in plan.generate}
    sources = tuple(_sources(plan, marks, sets, prompts, keys))
    variants = tuple(
        variant for source in sources for variant in _variants(source, checked, marks, detectors, prompts, keys)
    )
    tasks = tuple(task for variant in variants for detector in detectors for task in _tasks(variant, detector, keys))
    return Grid(sources, variants, tasks, prompts)


def wanted(detector: "EvalDetector", source: Source, label: str, attacked: bool) -> bool:
    """Whether a detector scores the texts of this label."""
    if not attacked:
        return True
    if as_is_only(detector):
        return False
    return not detector.mark or label == HUMAN or source.mark == detector.mark


def as_is_only(detector: "EvalDetector") -> bool:
    """Whether a detector knows texts by id alone: stored scores say nothing of a text that was attacked or cut."""
    return bool(getattr(detector, "as_is_only", detector.kind == "scores"))


def damage_node(variant: Variant, keys: Keys) -> Node:
    """Return where what an attack did to its texts is kept."""
    return node("damage", {"encoder": keys.encoder}, [variant.node])


def texts_nodes(plan: Plan, keys: Keys) -> dict[str, Node]:
    """Return where each text set is kept; its name and role are the plan's, and no part of it."""
    return {
        spec.name: node("texts", {name: value for name, value in keys.texts[spec.name].items() if name != "role"})
        for spec in plan.texts
    }


def _prompts_node(spec: GenerateSpec, plan: Plan, sets: Mapping[str, Node], keys: Keys) -> Node:
    if spec.prompts_from:
        model = keys.models[spec.model, spec.revision]
        said = [spec.prompt_tokens, spec.n, spec.human_tokens or spec.max_new_tokens, spec.max_new_tokens]
        return node("prompts", {"begin": said, "model": model, "seed": plan.head.seed}, [sets[spec.prompts_from]])
    if spec.prompts:
        return node("prompts", {"file": keys.prompts[spec.prompts], "field": spec.prompt_field, "n": spec.n})
    return node("prompts", {"n": spec.n})


def _sources(
    plan: Plan,
    marks: "Mapping[str, LoadedMark]",
    sets: Mapping[str, Node],
    prompts: Mapping[str, Node],
    keys: Keys,
) -> Iterator[Source]:
    only_prompts = plan.prompt_sets()
    for spec in plan.texts:
        if spec.name not in only_prompts:
            yield Source(spec.name, sets[spec.name], spec.role, spec.label, getattr(spec, "mark", ""))
    people: set[Node] = set()
    for one in plan.generate:
        if one.prompts_from:
            rest = human_node(prompts[one.name])
            if rest not in people:  # two generations from the same beginnings share the people's side
                people.add(rest)
                yield Source(one.human_source, rest, label=HUMAN, generate=one)
        for mark in one.marks:
            written = _generate_node(one, mark, plan, marks, prompts[one.name], keys)
            named = "" if mark == UNMARKED else mark
            yield Source(one.source(mark), written, label=MACHINE, mark=named, generate=one)


def human_node(prompts: Node) -> Node:
    """Return where the people's own continuations of prompts are kept."""
    return node("texts", {"rest": True}, [prompts])


def _generate_node(
    spec: GenerateSpec,
    mark: str,
    plan: Plan,
    marks: "Mapping[str, LoadedMark]",
    prompts: Node,
    keys: Keys,
    hook: Mapping[str, Any] | None = None,
) -> Node:
    decoding = {
        name: getattr(spec, name)
        for name in ("dtype", "max_new_tokens", "min_new_tokens", "temperature", "top_k", "top_p", "batch_size", "chat")
    }
    said = {
        "model": keys.models[spec.model, spec.revision],
        "mark": None if mark == UNMARKED else marks[mark].profile.fingerprint,
        "decoding": decoding,
        "seed": seed_of(spec, plan),
        **({"hook": dict(hook)} if hook else {}),
    }
    return node("generate", said, [prompts])


def seed_of(spec: GenerateSpec, plan: Plan) -> int:
    """Return the seed of a generation: its own, or the plan's."""
    return plan.head.seed if spec.seed is None else spec.seed


def _variants(
    source: Source,
    checked: Checked,
    marks: "Mapping[str, LoadedMark]",
    detectors: "Sequence[EvalDetector]",
    prompts: Mapping[str, Node],
    keys: Keys,
) -> Iterator[Variant]:
    plan = checked.plan
    yield Variant(source, source.node, None, 0.0, (MACHINE, HUMAN), 0, plan.head.lengths)
    if source.role != "test":
        return
    for attack in checked.attacks:
        labels = [source.label] if source.label else [MACHINE, HUMAN]
        sides = tuple(
            side for side in labels if side in attack.on and any(wanted(d, source, side, True) for d in detectors)
        )
        if attack.attack.stage == "generation" and not source.mark:
            sides = ()  # it changes what a mark sees while it is written, and nothing of a text without one
        if not sides:
            continue
        for strength in attack.strengths:
            said = {"attack": attack.attack.signature(), "strength": strength}
            if attack.attack.stage == "generation" and source.generate is not None:
                spec = source.generate
                made = _generate_node(spec, source.mark, plan, marks, prompts[spec.name], keys, said)
                yield Variant(source, made, attack, strength, sides, 0, plan.head.lengths)
                continue
            said |= {"seed": plan.head.seed, "sides": list(sides)}
            if not attack.attack.cut_first:
                yield Variant(
                    source, node("attack", said, [source.node]), attack, strength, sides, 0, plan.head.lengths
                )
                continue
            for length in plan.head.lengths:
                cut = {**said, "cut": length, "tokenizer": keys.tokenizer}
                made = node("attack", cut, [source.node])
                yield Variant(source, made, attack, strength, sides, length, (length,))


def _tasks(variant: Variant, detector: "EvalDetector", keys: Keys) -> Iterator[ScoreTask]:
    attacked = variant.attack is not None
    labels = tuple(side for side in variant.sides if wanted(detector, variant.source, side, attacked))
    if not labels:
        return
    for length in variant.lengths:
        if as_is_only(detector) and length:
            continue
        said = {
            "detector": detector.signature(),
            "length": length,
            "cut_before": bool(variant.cut),
            "tokenizer": keys.tokenizer,
            "labels": list(labels),
        }
        yield ScoreTask(variant, length, detector.name, labels, node("score", said, [variant.node]))
