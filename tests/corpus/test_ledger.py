"""An output folder holds one scan of one set of inputs, and knows what its workers died of."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from assay.corpus.claim import READING, SCORING, At, Claim, Trouble, read_at
from assay.corpus.crawl_items import ReadOptions
from assay.corpus.durable import OutputError, full_disk_stops, read_json, write_json
from assay.corpus.ledger import Ledger
from assay.corpus.scan_config import differences
from assay.corpus.shards import plan_shards
from assay.corpus.sidecar import attribute_name, attribute_paths
from assay.errors import DataError

from .scan_cases import config_of, make_mark, make_shards


@pytest.fixture
def record(tmp_path: Path) -> dict[str, Any]:
    return config_of(make_mark(tmp_path)).to_record()


def begun(inputs: Path, record: dict[str, Any], out: Path) -> Ledger:
    plan = plan_shards([str(inputs)])
    ledger = Ledger(out)
    ledger.begin(record, plan.shards, plan.refused, [])
    return ledger


def test_the_same_scan_goes_on_and_another_is_told_what_differs(record: dict[str, Any], tmp_path: Path) -> None:
    inputs = make_shards(tmp_path / "in", 2, 3)
    ledger = begun(inputs, record, tmp_path / "out")
    first = (tmp_path / "out/scan.json").read_bytes()
    begun(inputs, record, tmp_path / "out")
    assert (tmp_path / "out/scan.json").read_bytes() == first
    other = json.loads(json.dumps(record))
    other["score"]["alpha"] = 0.05
    with pytest.raises(DataError, match=r"score.alpha was 0.001, is 0.05; name another --out"):
        ledger.check(other, plan_shards([str(inputs)]).shards)


def test_inputs_that_changed_were_added_or_are_gone_are_refused(record: dict[str, Any], tmp_path: Path) -> None:
    inputs = make_shards(tmp_path / "in", 3, 3)
    ledger = begun(inputs, record, tmp_path / "out")
    (inputs / "part3.jsonl").write_text('{"id": "x", "text": "more"}\n')
    with pytest.raises(DataError, match="1 are new, 0 are missing"):
        ledger.check(record, plan_shards([str(inputs)]).shards)
    (inputs / "part3.jsonl").unlink()
    (inputs / "part1.jsonl").write_text('{"id": "x", "text": "other"}\n')
    with pytest.raises(DataError, match=r"1 of the inputs have changed .*part1.jsonl"):
        ledger.check(record, plan_shards([str(inputs)]).shards)
    (inputs / "part1.jsonl").unlink()
    with pytest.raises(DataError, match="0 are new, 1 are missing"):
        ledger.check(record, plan_shards([str(inputs)]).shards)


def test_another_division_of_the_same_files_is_refused(record: dict[str, Any], tmp_path: Path) -> None:
    inputs = make_shards(tmp_path / "in", 1, 50)
    ledger = begun(inputs, record, tmp_path / "out")
    with pytest.raises(DataError, match=r"divides .*part0\.jsonl into other shards"):
        ledger.check(record, plan_shards([str(inputs)], shard_bytes=5_000).shards)


def test_a_folder_of_other_files_and_a_file_are_no_output(record: dict[str, Any], tmp_path: Path) -> None:
    inputs = make_shards(tmp_path / "in", 1, 3)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_text("x")
    with pytest.raises(DataError, match=r"1 other files \(thesis.tex"):
        begun(inputs, record, tmp_path / "home")
    with pytest.raises(DataError, match="is a file, expected a folder"):
        begun(inputs, record, inputs / "part0.jsonl")
    with pytest.raises(DataError, match=r"holds no scan\.json"):
        Ledger(tmp_path / "home").read_scan()


def test_a_profile_with_another_key_is_another_configuration(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (config_of(make_mark(tmp_path / name)).to_record() for name in "ab")
    assert any(line.startswith("score.marks was ") for line in differences(one, two))
    assert differences(one, one) == []


def test_every_setting_that_results_depend_on_is_in_the_record(tmp_path: Path) -> None:
    config = config_of(make_mark(tmp_path))
    for changed in (
        replace(config, sample=0.5), replace(config, limit=7), replace(config, keep=("detected",)),
        replace(config, segment_documents=31), replace(config, read=ReadOptions(text_field="body")),
        replace(config, score=replace(config.score, spans=True)),
    ):  # fmt: skip
        assert len(differences(config.to_record(), changed.to_record())) == 1


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert read_json(tmp_path / "a.json") == {"a": "é", "b": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "a.json").write_text('{"a"')
    with pytest.raises(DataError, match="damaged"):
        read_json(tmp_path / "a.json")


def test_a_full_disk_is_one_line_that_says_what_is_safe(tmp_path: Path) -> None:
    """/dev/full is the system's own full disk."""
    with (
        pytest.raises(OutputError, match="No space left on device; what is finished is safe; make room"),
        full_disk_stops(tmp_path),
    ):
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")
    with pytest.raises(FileNotFoundError), full_disk_stops(tmp_path):
        (tmp_path / "none").read_bytes()


def test_a_shard_is_claimed_once_and_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom assay.corpus.claim import Claim\n"
        "claim = Claim.take(Path(sys.argv[1]), 's')\nprint('held', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert Claim.take(tmp_path, "s") is None
        holder.kill()
    claim = Claim.take(tmp_path, "s", wait_s=5)
    assert claim is not None
    with claim:
        assert Claim.take(tmp_path, "s") is None


def test_a_heartbeat_outlives_its_process_and_is_the_place_of_the_death(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom assay.corpus.claim import SCORING, At, Claim\n"
        "claim = Claim.take(Path(sys.argv[1]), 's')\nclaim.begin(after_death=False, watched=True)\n"
        "claim.at(At(SCORING, 10, 18, 10, 900, 450), 60.0)\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert read_at(tmp_path, "s") == At(SCORING, 10, 18, 10, 900, 450)
    for after_death, died in (
        (False, ()),
        (True, ()),
    ):  # the first look wipes the place: what a killed run left is nobody's fault
        with Claim.take(tmp_path, "s") as claim:  # type: ignore[union-attr]
            claim.begin(after_death=after_death, watched=False)
            assert claim.trouble.died == died
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    with Claim.take(tmp_path, "s") as claim:  # type: ignore[union-attr]
        claim.begin(after_death=True, watched=False)
        assert claim.trouble == Trouble(died=((SCORING, 10, 18),))


def test_the_watchdog_ends_a_process_that_holds_the_interpreter_lock(tmp_path: Path) -> None:
    code = (
        "import re, sys\nfrom pathlib import Path\nfrom assay.corpus.claim import SCORING, At, Claim\n"
        "claim = Claim.take(Path(sys.argv[1]), 's')\nclaim.begin(after_death=False, watched=True)\n"
        "claim.at(At(SCORING, 4, 5), 0.2, restart=True)\nre.match(r'(a|aa|a*)+$', 'a' * 60 + 'b')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30)
    assert "Timeout" in (tmp_path / "s.stack").read_text()
    with Claim.take(tmp_path, "s") as claim:  # type: ignore[union-attr]
        claim.begin(after_death=True, watched=False)
        assert claim.trouble == Trouble(hung=((SCORING, 4, 5),))
        assert claim.trouble.skips(4)
        assert not claim.trouble.skips(5)


def test_three_deaths_at_one_place_are_fatal_and_in_three_places_are_not() -> None:
    place, elsewhere = (SCORING, 8, 16), (SCORING, 16, 24)
    assert Trouble(died=(place, place, (SCORING, 10, 11))).fatal == (10, 11)
    assert Trouble(died=(place, place)).fatal is None
    assert Trouble(died=(place, elsewhere, place)).fatal is None
    assert Trouble(died=(place, place, (READING, 10, 11))).fatal is None
    assert Trouble(hung=((READING, 3, 4),) * 3).fatal == (3, 4)


def test_a_batch_that_hung_once_or_killed_twice_is_taken_apart() -> None:
    place = (SCORING, 8, 16)
    assert Trouble(hung=(place,)).careful(15)
    assert not Trouble(hung=(place,)).careful(16)
    assert not Trouble(hung=(place,)).skips(8)
    assert not Trouble(died=(place,)).careful(8)
    assert Trouble(died=(place, place)).careful(8)


def test_attribute_files_mirror_the_documents() -> None:
    assert attribute_paths(["data/documents/a/x.jsonl.gz", "data/documents/b/x.jsonl"]) == {
        "data/documents/a/x.jsonl.gz": "a/x.jsonl.gz",
        "data/documents/b/x.jsonl": "b/x.jsonl.gz",
    }
    assert attribute_paths(["/in/a/x.jsonl.zst", "/in/y.jsonl"]) == {
        "/in/a/x.jsonl.zst": "a/x.jsonl.gz",
        "/in/y.jsonl": "y.jsonl.gz",
    }
    assert attribute_name("greenlist:my mark.log10_p") == "assay__greenlist_my_mark__log10_p"
    assert attribute_name("log10_p") == "assay__log10_p"
