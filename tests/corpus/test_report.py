"""Corpus reports: the numbers against the documents themselves, the pages against the numbers, the bytes against each other."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from assay.corpus.report import build_report, write_report
from assay.corpus.report_numbers import called_share, decades, discoveries
from assay.corpus.report_wording import percent
from assay.corpus.tally import Tally
from assay.corpus.tally_bins import P_EDGES, p_bins
from assay.detect.fdr import benjamini_hochberg
from hypothesis import given, settings
from hypothesis import strategies as st

from . import scanned_rows as scanned

SCAN = {
    "config": {"assay": "0.1.0", "sample": 1.0, "limit": None},
    "fingerprint": "f00d",
    "shards": [{}, {}],
    "refused": [["in/README.md", "no supported format"]],
}
EVIL = "<script>alert(1)</script>|`x`\x1b[2J\u202e"


def tally(n=6000, share=0.05, host=""):
    rng = np.random.default_rng(0)
    size, green, _ = scanned.draw(n, share, rng)
    table = scanned.table(size, green, rng)
    if host:
        table = table.set_column(table.column_names.index("host"), "host", [[host] * n])
    made = Tally([scanned.MARK], scanned.ALPHA)
    made.add(table)
    made.add_lost("truncated", f"in/a.gz:{EVIL if host else 7}", "the last member is cut")
    made.add_passed({"request": 12})
    return made, table


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-20, 0), min_size=1, max_size=300), st.sampled_from([0.05, 0.1, 0.3]))
def test_discoveries_in_bins_are_discoveries_and_nearly_all_of_them(log10_p, level):
    """Bins take the largest p they may hold: never more than on the values, and no fewer than with values 10^(1/64) larger below 1e-12 (1/8 beyond)."""
    values = np.array(log10_p)
    found = discoveries(np.bincount(p_bins(values), minlength=len(P_EDGES)), level)
    exact = benjamini_hochberg(values, level)
    larger = benjamini_hochberg(np.minimum(values + np.where(values > -11.9, 1 / 64, 1 / 8), 0.0), level)
    assert larger.n_rejected <= found.n <= exact.n_rejected
    if found.n:
        assert found.n == (values <= found.log10_threshold + 1e-9).sum()


def test_the_report_counts_the_documents_and_their_expected_false_alarms():
    made, table = tally()
    data = build_report(made, SCAN).data
    verdicts = table["verdict"].to_pylist()
    assert data["documents"] == 6000
    assert data["verdicts"] == {name: verdicts.count(name) for name in ("detected", "not_detected", "abstain")}
    assert data["judged"] == 6000 - verdicts.count("abstain")
    assert data["expected_false"] == pytest.approx(data["judged"] * 1e-3)
    assert sum(data["p_values"]["counts"]) == data["judged"]
    assert data["discoveries"]["n"] <= benjamini_hochberg(table["log10_p"].to_numpy(), 0.1).n_rejected
    assert sum(row["documents"] for row in data["lengths"]) == 6000
    assert data["lost_total"] == 1
    assert data["scan"]["refused"] == {"count": 1, "places": [["in/README.md", "no supported format"]]}
    share = data["detectors"][0]["share"]
    assert (share["kind"], share["tested"]) == ("estimate", data["judged"])
    assert share["low"] < 0.05 < share["high"]


def test_the_null_line_is_the_uniform_law():
    """Of 1,000 documents 1000 (1 - 10^-0.25) have log10 p in the first quarter decade; all add up."""
    counts = np.zeros(len(P_EDGES), np.int64)
    counts[0] = 1000
    shown = decades(counts)
    assert shown["null"][0] == pytest.approx(1000 * (1 - 10**-0.25), rel=1e-5)
    assert sum(shown["null"]) == pytest.approx(1000, rel=1e-4)
    assert shown["counts"][0] == 1000


def test_false_alarms_are_taken_off_the_share_called():
    """(0.11 - 0.01) / 0.99."""
    assert called_share(110, 1000, 0.01)["share"] == pytest.approx(0.10101, rel=1e-4)
    assert called_share(5, 1000, 0.01)["share"] == 0.0
    assert called_share(0, 0, 0.01) == {"share": None, "low": None, "high": None}


def test_equal_tallies_give_equal_bytes(tmp_path):
    made, table = tally()
    again = Tally([scanned.MARK], scanned.ALPHA)
    for at in (4000, 0, 2000):
        again.add(table.slice(at, 2000))
    again.add_lost("truncated", "in/a.gz:7", "the last member is cut")
    again.add_passed({"request": 12})
    for name, one in (("a", made), ("b", Tally.from_record(json.loads(json.dumps(again.to_record()))))):
        (tmp_path / name).mkdir()
        write_report(build_report(one, SCAN), tmp_path / name)
    for file in ("report.json", "report.html", "report.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["report.html", "report.json", "report.md"]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_names_from_a_crawl_are_text_and_nothing_is_loaded_from_outside(tmp_path):
    write_report(build_report(tally(host=EVIL)[0], SCAN), tmp_path)
    page = (tmp_path / "report.html").read_text()
    seen = Tags()
    seen.feed(page)
    assert "script" not in {tag for tag, _ in seen.tags}
    assert "<script>alert(1)</script>" in seen.text
    assert not [a for _, a in seen.tags if a.get("src") or a.get("href", "").startswith("http")]
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert len({a["id"] for _, a in seen.tags if "id" in a}) == sum("id" in a for _, a in seen.tags)
    words = (tmp_path / "report.md").read_text()
    assert "<script>" not in words.replace("\\<script\\>", "")
    rows = [line for line in words.splitlines() if line.startswith("|") and "alert" in line]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 6


def test_page_and_markdown_say_the_numbers_of_the_json(tmp_path):
    report = build_report(tally()[0], SCAN)
    write_report(report, tmp_path)
    data = json.loads((tmp_path / "report.json").read_text())
    assert data == report.data
    share = data["detectors"][0]["share"]
    expected = f"{percent(share['share'])} of the {share['tested']:,} documents"
    assert expected in (tmp_path / "report.html").read_text()
    assert expected.replace("_", "\\_") in (tmp_path / "report.md").read_text()
    assert "in/a.gz:7" in (tmp_path / "report.html").read_text()
    assert report.summary()["shares"]["greenlist:mark"] == share
    assert json.dumps(report.summary())


def test_an_empty_scan_has_a_report(tmp_path):
    write_report(build_report(Tally([scanned.MARK], 0.001), {}), tmp_path)
    assert "0 documents (0 characters) were read; nothing was lost." in (tmp_path / "report.md").read_text()


def test_percentages_are_readable():
    shown = [percent(share) for share in (0.0, 1.0, 0.12345, 0.0012345, 1.5e-7, 0.99999, None)]
    assert shown == ["0 %", "100 %", "12.3 %", "0.123 %", "0.0000150 %", "over 99.95 %", "-"]
