"""The first stages: text sets read into the store, and prompts made of files, of the beginnings of people's texts, or of nothing.

Where prompts are the beginnings of people's texts, the people's own rest, cut to as many tokens as the model may write, is the human side of the comparison: same
topics, same lengths (Kirchenbauer et al. 2023, arXiv:2301.10226, section 6). Texts whose rest is shorter are left out and counted. Which texts are used
is decided by a hash of seed and id, not by their order in the file.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from time import perf_counter, process_time
from typing import Any

from assay.errors import DataError

from .cut_texts import read_texts
from .plan import GenerateSpec, Plan
from .plan_grid import human_node
from .score_table import HUMAN
from .store import PART_TEXTS, Figures, Node, Part, Store

KEPT = ("id", "text", "label", "generator", "domain", "lang", "group", "cluster")
"""What the store keeps of a subject; source, role and mark are the plan's to say."""


def load_texts(store: Store, spec: Any, place: Node, say: Callable[[str], None]) -> None:
    """Read one text set into the store, unless it is there.

    Raises:
        DataError: if ids repeat, or there is no text.
    """
    if store.finished(place):
        return
    from .text_sets import load_subjects

    begun = perf_counter(), process_time()
    subjects = load_subjects(spec, say)
    count = keep(store, place, ({name: getattr(one, name) for name in KEPT} for one in subjects), begun)
    if not count:
        raise DataError(f"text set {spec.name!r} holds no text that can be used; look at its path, labels and `where`")


def keep(store: Store, place: Node, records: Iterable[dict[str, Any]], begun: tuple[float, float], **said: Any) -> int:
    """Write records as parts of a node and finish it; return how many there are. `begun`: wall and CPU clock at the start."""
    count = parts = 0
    stream = iter(records)
    while chunk := list(islice(stream, PART_TEXTS)):
        now = perf_counter(), process_time()
        store.write(place, parts, Part(chunk, Figures(len(chunk), 0, now[0] - begun[0], now[1] - begun[1])))
        count, parts, begun = count + len(chunk), parts + 1, now
    store.finish(place, parts, n=count, **said)
    return count


def make_prompts(
    store: Store, spec: GenerateSpec, plan: Plan, place: Node, texts: Node | None, say: Callable[[str], None]
) -> None:
    """Write the prompts of a generation, and with `texts` the people's own rests, unless they are there.

    Raises:
        DataError: if there is no usable prompt.
    """
    people = human_node(place)
    if store.finished(place) and (texts is None or store.finished(people)):
        return
    begun = perf_counter(), process_time()
    rests: list[dict[str, Any]] = []
    why: dict[str, int] = {}
    if texts is not None:
        pairs, why = _begun_by_people(store, spec, plan, texts)
        prompts, rests = [prompt for prompt, _ in pairs], [rest for _, rest in pairs]
    elif spec.prompts:
        prompts = list(_from_file(spec, place, say))
    else:
        prompts = [{"id": str(i), "prompt": "", "cluster": f"{place.key[:8]}:{i}"} for i in range(spec.n)]
    left_out = "; left out " + ", ".join(f"{number:,} {reason}" for reason, number in why.items() if number)
    left_out = left_out if any(why.values()) else ""
    if not prompts:
        raise DataError(f"generation {spec.name!r} has no prompt that can be used{left_out}")
    if len(prompts) < spec.n:
        say(f"generation {spec.name!r}: {len(prompts):,} prompts of the {spec.n:,} asked for{left_out}")
    if rests:
        keep(store, people, rests, begun)
    keep(store, place, prompts, begun, left_out=why)


def _begun_by_people(
    store: Store, spec: GenerateSpec, plan: Plan, texts: Node
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], dict[str, int]]:
    """Return prompt and rest of each person's text that is long enough, and how many were left out and why."""
    rest_tokens = spec.human_tokens or spec.max_new_tokens
    records = store.records(texts)
    written_by_people = [record for record in records if record["label"] == HUMAN]
    seed = plan.head.seed
    written_by_people.sort(key=lambda record: _hashed(seed, record["id"]))
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    short = 0
    for start in range(0, len(written_by_people), PART_TEXTS):
        if len(pairs) >= spec.n:
            break
        chunk = written_by_people[start : start + PART_TEXTS]
        read = read_texts([record["text"] for record in chunk], spec.model)
        for d, record in enumerate(chunk):
            if read.n_tokens[d] < spec.prompt_tokens + rest_tokens:
                short += 1
            elif len(pairs) < spec.n:
                pairs.append(
                    _pair(
                        record, read.place(d, spec.prompt_tokens), read.cut(d, spec.prompt_tokens + spec.max_new_tokens)
                    )
                )
    needed = spec.prompt_tokens + rest_tokens
    why = {f"people's texts of under {needed} tokens": short, "machine texts": len(records) - len(written_by_people)}
    return pairs, why


def _pair(record: Mapping[str, Any], at: int, whole: str) -> tuple[dict[str, Any], dict[str, Any]]:
    cluster = record["cluster"] or record["id"]
    beside = {name: record[name] for name in ("domain", "lang", "group")}
    prompt = {"id": record["id"], "prompt": whole[:at], "cluster": cluster, **beside}
    return prompt, {**record, "text": whole[at:], "cluster": cluster}


def _from_file(spec: GenerateSpec, place: Node, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the first prompts of a file; those that cannot be read are said and left out."""
    from assay.corpus.prompts import Unreadable, read_prompts

    count = 0
    for prompt in read_prompts(spec.prompts, prompt_field=spec.prompt_field):
        if isinstance(prompt, Unreadable):
            say(f"{prompt.place}: {prompt.message}")
            continue
        if count == spec.n:
            return
        count += 1
        fields = {name: prompt.fields.get(name) for name in ("domain", "lang", "group")}
        beside = {name: value if isinstance(value, str) else "" for name, value in fields.items()}
        cluster = prompt.fields.get("pair_id") or prompt.fields.get("cluster") or f"{place.key[:8]}:{prompt.id}"
        yield {
            "id": prompt.id,
            "prompt": prompt.text,
            "messages": list(prompt.messages),
            "cluster": str(cluster),
            **beside,
        }


def _hashed(seed: int, text_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{text_id}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
