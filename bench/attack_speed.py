"""Text per CPU second of every attack that runs no model, at its middle usual strength: human documents of 3 kB, batches of 1,000, one core.

Counted is UTF-8 that goes in. The baseline is the same loop with an attack that copies: code points out and texts back, nothing else. Every attack is warmed up first, so that its
tables and lists are there. Bar: 20 MB/s each. Beside it what one would write, a loop over words in Python, for two of them.
"""

import random
import time
from collections.abc import Callable
from statistics import median

import record
from assay.eval.attack import attack_class, attack_names, attack_texts, make_attack
from assay.eval.characters import chunks

DOCUMENTS, CHARS, ROUNDS = 1000, 3000, 7


def main() -> None:
    texts = [text for text in record.human_passages(2 * DOCUMENTS, CHARS, per_document=5) if len(text) == CHARS][
        :DOCUMENTS
    ]
    ids = [str(i) for i in range(len(texts))]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    runs: dict[str, Callable[[], object]] = {
        "copy (baseline)": lambda: chunks(texts, [0] * len(texts), lambda chars, _: chars.texts())
    }
    strengths: dict[str, float] = {}
    for name in attack_names():
        if attack_class(name).needs_model or attack_class(name).stage == "generation":
            continue
        attack = make_attack(name, {"lexicon": "model"} if name == "synonyms" else {})
        strengths[name] = attack.strengths[len(attack.strengths) // 2]
        runs[name] = lambda attack=attack, strength=strengths[name]: attack_texts(attack, texts, strength, ids)
    runs["delete, a Python loop"] = lambda: [delete_loop(text, 0.3, i) for i, text in enumerate(texts)]
    runs["zero-width, a Python loop"] = lambda: [zero_width_loop(text, 0.5, i) for i, text in enumerate(texts)]
    figures = {
        name: {"MB/s": round(megabytes / s, 1), **({"strength": strengths[name]} if name in strengths else {})}
        for name, s in cpu_seconds(runs).items()
    }
    slow = [name for name in strengths if figures[name]["MB/s"] < 20]
    record.write(
        __file__,
        figures,
        documents=len(texts),
        megabytes=round(megabytes, 2),
        rounds=ROUNDS,
        bar="20 MB/s each",
        below_bar=slow,
    )


def cpu_seconds(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median CPU time of each run, taken in turns so that a busy moment meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for done in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if done:
                times[name].append(time.process_time() - start)
    return {name: median(values) for name, values in times.items()}


def delete_loop(text: str, strength: float, seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(word for word in text.split() if rng.random() >= strength)


def zero_width_loop(text: str, strength: float, seed: int) -> str:
    rng = random.Random(seed)
    return "".join(char + "\u200b" if rng.random() < strength else char for char in text)


if __name__ == "__main__":
    main()
