"""Findings without a language model: real marks and detectors on given texts."""

import secrets

import numpy as np
import pytest
from assay.detect.evidence import Reason
from assay.eval import demo
from assay.eval.findings import Pasted
from assay.eval.splice import splice
from assay.eval.trace import trace


@pytest.fixture(scope="session")
def marks(tmp_path_factory):
    """Return two marks for the embedded tokenizer, with fixed keys."""
    folder = tmp_path_factory.mktemp("marks")
    keys = iter((bytes(range(32)), bytes(range(100, 132))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_bytes", lambda n: next(keys))
        return demo.make_mark(folder / "mark.toml"), demo.make_mark(folder / "other.toml")


@pytest.fixture(scope="session")
def examine(marks):
    """Return a function from a marked text, a piece of it and a host to findings."""

    def found(text, piece, host, title="Somebody, Something"):
        pasted = Pasted(splice(host, piece, len(host) // 2), 1, title)
        human = [demo.Passage(title, host)]
        return demo.examine(*marks, seed=0, marked=[text], unmarked=["too short"], human=human, pasted=pasted)

    return found


@pytest.fixture(scope="session")
def greenest(marks):
    """Return a text marked without a model: of 4,000 lines of shuffled words, the 20 with most green tokens."""
    rng = np.random.default_rng(5)
    words = " ".join(passage.text for passage in demo.human_passages()).split()
    lines = [" ".join(rng.choice(words, 12)) for _ in range(4000)]
    excess = [t.green.sum() - 0.25 * (t.reason == Reason.SCORED).sum() for t in trace(lines, marks[0])]
    return " ".join(lines[i] for i in rng.permutation(np.argsort(excess)[-20:]))
