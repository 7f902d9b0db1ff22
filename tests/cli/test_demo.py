"""`assay demo`: the main job, end to end, on the embedded model."""

import hashlib
import itertools
import json
import secrets
import struct
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from assay.cli.demo import demo
from assay.eval.demo import FILES
from click.testing import CliRunner


def test_it_does_what_it_promises(tmp_path, monkeypatch):
    """One run with fixed keys, so that the verdicts are those of this seed and model."""
    counter = itertools.count()
    monkeypatch.setattr(secrets, "token_bytes", lambda n: hashlib.sha256(b"demo test %d" % next(counter)).digest()[:n])
    out = tmp_path / "demo"
    result = CliRunner().invoke(demo, ["--out", str(out), "--seed", "0"], catch_exceptions=False)
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert len(result.stdout.splitlines()) == 1
    assert sorted(p.name for p in out.iterdir()) == sorted([*FILES, "demo.json"])
    _check_verdicts(summary, json.loads((out / "demo.json").read_text(encoding="utf-8")))
    _check_page(out, summary)
    _check_picture(out)
    _check_keys(out)
    _check_narration(result.stderr, summary)
    _check_rerun_in_a_folder_of_others(out)


def _check_verdicts(summary, numbers):
    """A marked text may end early, and hold too little; every other verdict is what it should be."""
    marked = [text["right_key"] for text in numbers["texts"] if text["kind"] == "marked"]
    assert len(marked) == 6
    assert all(text["verdict"] == "detected" for text in marked if text["detection"]["n_scored"] >= 60)
    assert sum(text["detection"]["n_scored"] >= 60 for text in marked) >= 4
    assert summary["marked"]["detected_with_another_key"] == 0
    assert summary["unmarked"] == {"texts": 6, "detected": 0, "detected_with_another_key": 0}
    assert summary["human"] == {"texts": 3, "detected": 0, "detected_with_another_key": 0}
    assert summary["spliced"]["verdict"] == "detected"
    assert summary["spliced"]["iou"] > 0.5


def _check_page(out, summary):
    html = (out / "report.html").read_text(encoding="utf-8")
    parser = HTMLParser()
    parser.feed(html)
    parser.close()
    for start, stop in summary["spliced"]["found"]:
        assert f"Found: characters {start} to {stop}" in html
    spliced = json.loads((out / "spliced.jsonl").read_text(encoding="utf-8"))
    start, stop = summary["spliced"]["pasted"]
    assert spliced["pasted"] == [start, stop]
    marked = [json.loads(line)["text"] for line in (out / "marked.jsonl").read_bytes().splitlines()]
    assert any(spliced["text"][start:stop] in text for text in marked)


def _check_picture(out):
    content = (out / "report.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert (width, 1500 < height < 4000) == (1344, True)


def _check_keys(out):
    """Each secret stands in its own file and in no other, neither as bytes nor as hexadecimal digits."""
    for name in ("mark.key", "other.key"):
        assert (out / name).stat().st_mode & 0o777 == 0o600
        digits = (out / name).read_text(encoding="ascii").split()[1]
        for path in out.iterdir():
            if path.name != name:
                content = path.read_bytes()
                assert digits.encode() not in content.lower()
                assert bytes.fromhex(digits) not in content


def _check_narration(talk, summary):
    assert f"{summary['marked']['detected']} of 6 marked texts" in talk
    assert "0 of 9 unmarked texts" in talk
    assert "report.html" in talk
    assert f"Characters {summary['spliced']['pasted'][0]} to {summary['spliced']['pasted'][1]} were pasted" in talk


def _check_rerun_in_a_folder_of_others(out):
    """The marker gone, nobody knows whose files these are."""
    (out / "demo.json").unlink()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    result = CliRunner().invoke(demo, ["--out", str(out)])
    assert "did not write" in str(result.exception)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("heavy", ["torch", "matplotlib", "numba", "scipy", "jinja2"])
def test_help_loads_nothing_heavy(heavy):
    code = f"""
import sys
from assay.cli.main import cli
try:
    cli(["demo", "--help"])
except SystemExit:
    pass
sys.exit({heavy!r} in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{heavy} was imported"
    assert "\n  Example:\n    assay demo --out demo | jq .spliced\n" in done.stdout
