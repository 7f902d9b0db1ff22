"""Detectors of an evaluation say what the parts behind them say, and whatever goes wrong outside is one line."""

import json
import sys
import textwrap
import time

import numpy as np
import pytest
from assay.detect.classified import ClassifierDetector
from assay.detect.find_classifier import find_classifier, shipped_classifiers
from assay.detect.marks import MarkDetector
from assay.errors import AssayError, DataError
from assay.eval import demo
from assay.eval.eval_detectors import make_detector
from assay.eval.function_detector import FunctionDetector
from assay.eval.mark_eval import MarkEval
from assay.eval.scoring_batches import batches

HUMAN = [passage.text for passage in demo.human_passages()]


def nan_equal(a, b):
    np.testing.assert_array_equal(np.asarray(a, float), np.asarray(b, float))


@pytest.fixture
def script(tmp_path):
    """Return a function from the body of a loop over texts to a command that runs it."""

    def write(body, name="detector.py"):
        (tmp_path / name).write_text(textwrap.dedent(body))
        return [sys.executable, name]

    return write


@pytest.fixture
def command(script, tmp_path):
    def made(body, **options):
        return make_detector("mine", {"command": script(body), **options}, {}, True, tmp_path)

    return made


LENGTHS = """
    import json, sys
    for line in sys.stdin:
        text = json.loads(line)
        print(json.dumps({"id": text["id"], "score": len(text["text"])}))
"""


def test_a_mark_scores_as_its_detector_does(marks, greenest):
    texts = [greenest, *HUMAN, "too short", ""]
    found = MarkEval("w1", marks[0]).score(texts, [str(i) for i in range(len(texts))])
    for one, reference in zip(range(len(texts)), MarkDetector([marks[0]]).detect(texts), strict=True):
        assert found.log10_p[one] == reference[0].log10_p
        assert found.score[one] == -reference[0].log10_p
        assert found.n_scored[one] == reference[0].n_scored
        assert found.abstained[one] == reference[0].abstained
    assert found.score[0] > 5
    assert found.abstained[0] == ""
    assert found.abstained[-1] != ""


def test_a_mark_does_not_depend_on_its_batches(marks, greenest, monkeypatch):
    texts = [greenest, *HUMAN] * 2
    whole = MarkEval("w1", marks[0]).score(texts, texts)
    monkeypatch.setattr("assay.eval.mark_eval.batches", lambda texts: batches(texts, most_texts=2))
    nan_equal(MarkEval("w1", marks[0]).score(texts, texts).log10_p, whole.log10_p)


def test_a_mark_comes_from_the_plan_or_a_profile_and_shows_no_key(marks, tmp_path):
    by_name = make_detector("d", {"mark": "w1"}, {"w1": marks[0]})
    by_path = make_detector("d", {"mark": str(marks[0].path)}, {})
    by_path.check()
    ids = ["a"] * len(HUMAN)
    nan_equal(by_name.score(HUMAN, ids).log10_p, by_path.score(HUMAN, ids).log10_p)
    assert (by_name.mark, by_name.kind, by_path.mark) == ("w1", "mark", "mark")
    assert make_detector("d", {"mark": "delta 1.5"}, {"delta 1.5": marks[0]}).mark == "delta 1.5"
    shown = json.dumps(by_path.signature())
    assert bytes(range(32)).hex() not in shown
    assert str(marks[0].path.parent) not in shown
    assert make_detector("e", {"mark": "w2"}, {"w2": marks[1]}).signature() != by_name.signature()
    with pytest.raises(DataError, match="the plan has no mark 'w2'; known: w1"):
        make_detector("d", {"mark": "w2"}, {"w1": marks[0]})
    with pytest.raises(AssayError, match=r"absent\.toml"):
        make_detector("d", {"mark": "absent.toml"}, {}, base=tmp_path).check()


def test_a_classifier_keeps_its_score_where_it_abstains():
    from pathlib import Path

    from assay.detect.calibrated import with_calibrations

    hidden = HUMAN[0].replace("o", "\u043e")
    texts = [*HUMAN, hidden, "Short.", ""]
    detector = make_detector("fast", {"classifier": "fast"}, {})
    detector.check()
    found = detector.score(texts, texts)
    classifier = find_classifier("fast")
    nan_equal(found.score, classifier.score(texts).scores)
    reference = [row[0] for row in ClassifierDetector(with_calibrations([("fast", classifier)], [])).detect(texts)]
    nan_equal(found.log10_p, [one.log10_p for one in reference])
    assert found.abstained == tuple(one.abstained for one in reference)
    assert "tampering" in found.abstained[len(HUMAN)]
    assert np.isfinite(found.score[len(HUMAN)])
    assert not Path(str(detector.signature()["classifier_name"])).is_absolute()


def test_a_classifier_without_a_calibration_has_scores_alone(tmp_path):
    from assay.detect.classifier import save_classifier

    save_classifier(find_classifier("fast"), tmp_path / "own")
    detector = make_detector("own", {"classifier": "own"}, {}, base=tmp_path)
    detector.check()
    found = detector.score(HUMAN, HUMAN)
    nan_equal(found.score, find_classifier("fast").score(HUMAN).scores)
    assert np.isnan(found.log10_p).all()
    assert found.abstained == ("",) * len(HUMAN)
    with pytest.raises(DataError, match=r"group 'news' is of a calibration, and .* has none"):
        make_detector("own", {"classifier": "own", "group": "news"}, {}, base=tmp_path).check()
    with pytest.raises(AssayError, match="no such folder"):
        make_detector("pair", {"classifier": "log_likelihood:./absent"}, {}).check()
    assert "fast" in shipped_classifiers()


def test_stored_scores_are_joined_by_id_and_turned_where_low_means_machine(tmp_path):
    path = tmp_path / "peer.jsonl"
    lines = [
        {"id": "a", "scores": {"rank": 3.0, "fast.x": 1.5}},
        {"id": "b", "scores": {"rank": 0}},
        {"id": "c", "scores": {}},
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    table = {"scores": "peer.jsonl", "field": "rank"}
    up = make_detector("peer", table, {}, base=tmp_path)
    down = make_detector("peer", table | {"higher_is": "human"}, {}, base=tmp_path)
    up.check()
    nan_equal(up.score([""] * 4, ["b", "a", "c", "d"]).score, [0.0, 3.0, np.nan, np.nan])
    nan_equal(down.score([""] * 2, ["b", "a"]).score, [0.0, -3.0])
    assert up.score([""], ["d"]).abstained == ("no stored score for this text",)
    assert up.as_is_only
    with pytest.raises(DataError, match=r"has a score 'fast\.y'; did you mean 'fast\.x'"):
        make_detector("peer", table | {"field": "fast.y"}, {}, base=tmp_path).check()


def test_stored_scores_read_submissions_and_refuse_two_scores_of_one_id(tmp_path):
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps([{"id": "a", "score": 0.5}, {"id": "b", "score": None}]))
    detector = make_detector("peer", {"scores": str(path)}, {})
    nan_equal(detector.score(["", ""], ["a", "b"]).score, [0.5, np.nan])
    path.write_text(json.dumps([{"id": "a", "score": 0.5}, {"id": "a", "score": 0.6}]))
    with pytest.raises(DataError, match=r"id 'a' has two scores, at .*item 1 and .*item 2"):
        make_detector("peer", {"scores": str(path)}, {}).check()
    path.write_text(json.dumps([{"id": "a", "score": "high"}]))
    with pytest.raises(DataError, match="must be a number, got a string"):
        make_detector("peer", {"scores": str(path)}, {}).check()


def test_published_scores_join_the_projects_detection_data(shared):
    from assay.eval.ranking import auroc
    from assay.eval.text_sets import TextSetSpec, load_subjects

    folder = shared / "data" / "detection"
    table = {"scores": str(folder / "peer_scores.jsonl.gz"), "field": "gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy"}
    spec = TextSetSpec(name="fdg", path=str(folder / "fdg_openmodels.jsonl.gz"), where={"domain": "xsum"})
    subjects = list(load_subjects(spec, print))
    found = make_detector("fast-detectgpt", table, {}).score([s.text for s in subjects], [s.id for s in subjects])
    there = np.isfinite(found.score)
    assert there.mean() > 0.5
    machine = np.array([s.label == "machine" for s in subjects])
    assert 0.9 < auroc(found.score[there], machine[there]) < 1.0


def test_a_command_scores_texts_of_any_size_without_deadlock(command):
    """It answers as it reads, and what it is given and gives is far more than a pipe holds."""
    texts = [f"{i} \u2028 ümlaut " * 3000 for i in range(200)]
    found = command(LENGTHS).score(texts, [f"id {i}" for i in range(200)])
    nan_equal(found.score, [len(text) for text in texts])
    slow_reader = """
        import json, sys
        print("noise " * 50000, file=sys.stderr)
        texts = [json.loads(line) for line in sys.stdin]
        for text in reversed(texts):
            print(json.dumps({"id": text["id"], "score": None if text["id"] == "id 3" else -1.5, "why": "x" * 3000}))
    """
    found = command(slow_reader, higher_is="human").score(texts, [f"id {i}" for i in range(200)])
    nan_equal(found.score, [np.nan if i == 3 else 1.5 for i in range(200)])
    assert found.abstained[3] == "no score"


def test_ids_that_two_sources_share_reach_a_command_apart(command):
    nan_equal(command(LENGTHS).score(["a", "bb", "ccc"], ["x", "x", "x#2"]).score, [1, 2, 3])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys; sys.stdin.read()", r"gave 0 scores for 2 texts; the id 'a' for one is missing"),
        ("print('{\"id\": \"a\", \"score\": 1}')", r"gave 1 scores for 2 texts; the id 'b'"),
        ("print('{\"id\": \"z\", \"score\": 1}')", r"gave a score for the id 'z', which it was not asked for"),
        ("print('{\"id\": \"a\", \"score\": 1}\\n' * 2)", r"gave two scores for the id 'a'"),
        ("print('{\"id\": \"a\", \"score\": NaN}')", r"gave the score nan for the id 'a', expected a finite number, or null"),
        ("print('{\"id\": \"a\", \"score\": \"x\"}')", r"gave the score 'x' for the id 'a'"),
        ("print('loading model')", r"wrote b'loading model\\n', expected lines of"),
        ("import sys; print('CUDA is missing', file=sys.stderr); sys.exit(3)", r"ended with exit code 3; its last words: CUDA is missing"),
        ("import os; os.kill(os.getpid(), 9)", r"ended with signal 9"),
    ],
)  # fmt: skip
def test_whatever_a_command_does_wrong_is_one_line(command, body, said):
    with pytest.raises(DataError, match=said) as caught:
        command(body).score(["text", "text"], ["a", "b"])
    assert "\n" not in str(caught.value)


def test_a_command_that_hangs_is_ended_with_all_it_started(command, tmp_path):
    body = f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        time.sleep(60)
    """
    began = time.monotonic()
    with pytest.raises(DataError, match="took more than 2 s and was ended"):
        command(body, timeout_s=2).score(["text"], ["a"])
    assert time.monotonic() - began < 15
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _runs(child):
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid):
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_goes_through_no_shell_and_is_handed_no_name_of_a_key_file(script, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_KEY_FILE", "secret.key")
    body = """
        import json, os, sys
        assert sys.argv[1:] == ["$(touch owned); *"], sys.argv
        assert "ASSAY_KEY_FILE" not in os.environ
        for line in sys.stdin:
            print(json.dumps({"id": json.loads(line)["id"], "score": 0}))
    """
    table = {"command": [*script(body), "$(touch owned); *"]}
    nan_equal(make_detector("mine", table, {}, True, tmp_path).score(["x"], ["a"]).score, [0.0])
    assert not (tmp_path / "owned").exists()


def test_code_of_others_runs_only_where_it_is_allowed(script, tmp_path):
    (tmp_path / "side_effect.py").write_text("raise SystemExit")
    for table in ({"command": script("")}, {"function": "side_effect:score"}):
        detector = make_detector("mine", table, {}, False, tmp_path)
        for act in (detector.check, lambda detector=detector: detector.score(["x"], ["a"])):
            with pytest.raises(DataError, match="was not allowed; look at it, then add --allow-commands"):
                act()
    with pytest.raises(DataError, match="there is no program 'no-such-program'"):
        make_detector("mine", {"command": ["no-such-program"]}, {}, True, tmp_path).check()


def test_a_third_party_detector_is_a_few_lines(tmp_path):
    (tmp_path / "my_detector.py").write_text(
        "def score(texts):\n"
        "    '''The longer its words, the more a text looks machine-made to me.'''\n"
        "    return [sum(map(len, text.split())) / max(len(text.split()), 1) for text in texts]\n"
    )
    detector = make_detector("mine", {"function": "my_detector:score"}, {}, True, tmp_path)
    detector.check()
    nan_equal(detector.score(["aa bbbb", "c", ""], ["1", "2", "3"]).score, [3.0, 1.0, 0.0])
    assert detector.signature()["function"] == "my_detector:score"
    assert len(detector.signature()["sha256"]) == 64
    assert str(tmp_path) not in sys.path


def test_a_callable_is_a_detector_in_batches_and_none_is_no_score():
    sizes = []

    def score(texts):
        sizes.append(len(texts))
        return [None if text == "x" else float("nan") if text == "y" else np.float32(len(text)) for text in texts]

    found = FunctionDetector("mine", score, batch_size=2).score(["x", "y", "zz", "zzz", "z"], ["a"] * 5)
    nan_equal(found.score, [np.nan, np.nan, 2, 3, 1])
    assert found.abstained == ("no score", "no score", "", "", "")
    assert sizes == [2, 2, 1]
    infinite = FunctionDetector("mine", lambda texts: np.array([-np.inf] * len(texts))).score(["x"], ["a"])
    assert np.isnan(infinite.score[0])
    assert infinite.abstained == ("its score is -inf",)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda texts: [1.0], "gave 1 scores for 2 texts"),
        (lambda texts: None, "must give a list of numbers, one a text, got NoneType"),
        (lambda texts: ["a", "b"], "must give a list of numbers, one a text, got list"),
        (lambda texts: 1 / 0, "failed on 2 texts: ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_a_function_does_wrong_is_one_line(function, said):
    with pytest.raises(DataError, match=said):
        FunctionDetector("mine", function).score(["a", "b"], ["1", "2"])


def test_a_function_that_is_not_there_is_one_line(tmp_path):
    (tmp_path / "broken_detector.py").write_text("import no_such_package\n")
    (tmp_path / "other_detector.py").write_text("def scores(texts): return texts\n")
    for named, said in [
        (
            "broken_detector:score",
            "cannot import broken_detector: ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("other_detector:score", "has no function 'score'; did you mean 'scores'"),
        ("other_detector", "function must be module:name"),
    ]:
        with pytest.raises(DataError, match=said):
            make_detector("mine", {"function": named}, {}, True, tmp_path).check()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"clasifier": "fast"}, "has none of mark, classifier, scores, command, function; expected exactly one; did you mean 'classifier'"),
        ({"mark": "w1", "classifier": "fast"}, "has mark and classifier; expected exactly one"),
        ({"classifier": "fast", "calibraton": "x"}, "unknown key 'calibraton'; did you mean 'calibration'"),
        ({"scores": "x", "higher_is": "ai"}, "higher_is must be machine or human, got 'ai'"),
        ({"command": "python x.py"}, "command must be a list, got 'python x.py'"),
        ({"command": ["x"], "timeout_s": True}, "timeout_s must be a whole number or a number, got True"),
        ({"command": ["x"], "timeout_s": 0}, "timeout_s must be above 0, got 0"),
        ({"command": []}, "command must be a list of texts"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line(table, said):
    with pytest.raises(DataError) as caught:
        make_detector("mine", table, {"w1": "w1.toml"}, True)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_batches_are_bounded_and_lose_nothing():
    texts = ["a" * n for n in (5, 5, 50, 1, 1, 1, 9)]
    found = list(batches(texts, most_texts=3, most_chars=10))
    assert [text for part in found for text in part] == texts
    assert [len(part) for part in found] == [2, 1, 3, 1]
    assert list(batches([])) == []


def test_a_function_is_taken_from_the_folder_of_its_own_plan(tmp_path):
    for folder, value in (("one", 1.0), ("two", 2.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "of_a_plan.py").write_text(f"def score(texts):\n    return [{value}] * len(texts)\n")
        made = make_detector(folder, {"function": "of_a_plan:score"}, {}, allow_commands=True, base=tmp_path / folder)
        assert made.score(["a text"], ["a"]).score.tolist() == [value]
