"""Corpus reports: the numbers against the documents themselves, the pages against the numbers, the bytes against each other."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from assay.corpus.report import build_report, write_report
from assay.corpus.report_numbers import decades, discoveries
from assay.corpus.report_wording import caveats, headline, percent
from assay.corpus.share import marked_share
from assay.corpus.share_machine import machine_share
from assay.corpus.tally import Tally
from assay.corpus.tally_bins import P_EDGES, p_bins
from assay.corpus.tally_distinct import SAMPLE
from assay.detect.fdr import benjamini_hochberg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

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
    assert data["expected_called_by_chance"] == pytest.approx(data["judged"] * 1e-3)
    assert data["discoveries"]["expected_false_discoveries"] <= 0.1 * data["discoveries"]["n"]
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


FIRST = {
    "name": "fast",
    "kind": "classifier",
    "gamma": None,
    "smallest_p": 1e-4,
    "calibration_n": 9999,
    "least_favourable": False,
    "asked_after": "",
    "cannot_detect": "",
}
SECOND = {**FIRST, "name": "fusion", "asked_after": "fast"}


def classified(columns, infos):
    """Return the tally of documents with these (D,) p-values of classifiers, NaN where one was not asked."""
    n = len(columns[0])
    rng = np.random.default_rng(0)
    base = scanned.table(np.full(n, 100), rng.binomial(100, 0.25, n), rng)
    tested = np.sum([~np.isnan(p) for p in columns], axis=0) > 0
    smallest = np.fmin.reduce(columns) * len(columns)
    overall = np.where(tested, np.minimum(smallest, 1.0), np.nan)
    verdict = np.where(~tested, "abstain", np.where(overall <= 0.01, "detected", "not_detected"))
    kept = base.drop_columns([name for name in base.column_names if "." in name])
    for name, values in (("log10_p", np.log10(overall)), ("verdict", verdict)):
        kept = kept.set_column(kept.column_names.index(name), name, pa.array(values, from_pandas=True))
    for info, p in zip(infos, columns, strict=True):
        own = np.where(np.isnan(p), "abstain", np.where(p <= 0.005, "detected", "not_detected"))
        for what, values in (
            ("log10_p", np.log10(p)),
            ("statistic", p),
            ("n_scored", np.full(n, 100, np.int32)),
            ("verdict", own),
        ):
            kept = kept.append_column(f"{info['name']}.{what}", pa.array(values, from_pandas=True))
    made = Tally(infos, 0.01)
    made.add(kept)
    return made


def correlated_humans(n, rho, seed):
    """Return the conformal p-values of two correlated classifiers on human text, the second asked where the first has p in (alpha / 2, 1/2]."""
    z = np.random.default_rng(seed).normal(size=(n, 2))
    z[:, 1] = rho * z[:, 0] + (1 - rho**2) ** 0.5 * z[:, 1]
    p = np.ceil(norm.sf(z) * 10_000) / 10_000
    return p[:, 0], np.where((p[:, 0] <= 0.5) & (p[:, 0] > 0.005), p[:, 1], np.nan)


def test_a_classifier_asked_of_a_selection_claims_nothing_about_the_corpus(tmp_path):
    """All-human text: read as uniform, the selected p-values of the second would give at least 40 % machine text and false discoveries."""
    first, second = correlated_humans(20_000, 0.7, seed=1)
    report = build_report(classified([first, second], [FIRST, SECOND]), SCAN)
    asked = ~np.isnan(second)
    assert machine_share(np.bincount(p_bins(np.log10(second[asked])), minlength=len(P_EDGES)), 9999).low > 0.3
    one, other = report.data["detectors"]
    assert one["share"]["low"] == 0.0
    assert (other["share"], other["discoveries"], other["p_values"]["null"]) == (None, None, None)
    assert other["tested"] == asked.sum()
    assert "only asked of what fast left undecided" in other["notes"][0]
    assert report.summary()["shares"]["fusion"] is None
    assert report.summary()["notes"] == {"fusion": other["notes"]}
    write_report(report, tmp_path)
    words = (tmp_path / "report.md").read_text()
    assert "fusion: at least" not in words
    assert re.search(r"\| fusion \| [\d,]+ \| \d+ \| - \| - \| - \| - \|", words)
    assert words.count("only asked of what fast left undecided") == 2
    assert "only asked of what fast left undecided" in (tmp_path / "report.html").read_text()


def test_discoveries_over_all_documents_hold_their_rate_under_a_cascade():
    """Each document has twice the smallest of the p-values asked for, at most its own union bound: few false lists in 200 all-human corpora.

    Any discovery is false here, so the rate is the chance of one: at most 0.1; 32 of 200 have probability 0.005 at 0.1.
    """
    infos, false = [FIRST, SECOND], 0
    for seed in range(200):
        first, second = correlated_humans(400, 0.7, seed)
        overall = np.minimum(2.0 * np.fmin(first, second), 1.0)
        false += discoveries(np.bincount(p_bins(np.log10(overall)), minlength=len(P_EDGES)), 0.1).n > 0
    assert false < 32
    assert build_report(classified([first, second], infos), SCAN).data["discoveries"]["tested"] == 400


def test_a_classifier_that_can_detect_nothing_is_said_not_to(tmp_path):
    why = "can detect nothing at --alpha 0.01: its smallest p-value 0.0035 times 3 tests is more"
    made = classified([np.full(50, 0.3)], [{**FIRST, "cannot_detect": why}])
    write_report(build_report(made, SCAN), tmp_path)
    words = (tmp_path / "report.md").read_text()
    assert "| fast | 50 | cannot |" in words
    assert f"fast: {why}" in words
    assert "cannot</td>" in (tmp_path / "report.html").read_text()


def test_a_calibration_is_said_to_be_one_draw():
    """1 / sqrt(0.01 x 9999) is 10 %."""
    data = build_report(classified([np.full(50, 0.3)], [FIRST]), SCAN).data
    assert any("one draw" in line and "(10 % at 0.01 with the 9,999 texts" in line for line in caveats(data))


def test_copied_pages_are_no_evidence():
    """A page of p = 0.002 copied 1,000 times among 8,000 unmarked: one factor for all counts sees a share (in 10 of 10), the distinct documents none."""
    rng = np.random.default_rng(2)
    size, green, _ = scanned.draw(8000, 0.0, rng)
    size[0], green[0] = 120, 45
    rows = scanned.table(size, green, rng)
    made = Tally([scanned.MARK], scanned.ALPHA)
    made.add(rows)
    once = build_report(made, SCAN).data
    for _ in range(1000):
        made.add(rows.slice(0, 1))
    assert marked_share(made.detectors["greenlist:mark"].depths, 0.25).low > 0.0
    data = build_report(made, SCAN).data
    assert data["documents"] == 9000
    assert data["copies"] == {"distinct_share": pytest.approx(8 / 9, rel=1e-5), "shares_of": "distinct documents"}
    assert data["detectors"][0]["share"] == once["detectors"][0]["share"]
    assert data["detectors"][0]["share"]["low"] == 0.0
    assert any("distinct documents it tested" in line for line in headline(data))


def test_of_a_large_corpus_of_copies_a_sample_of_the_distinct_documents_gives_the_share():
    """40,000 documents, a fifth marked, the marked ones four times each: of the distinct ones a fifth, of all a half."""
    rng = np.random.default_rng(3)
    size, green, marked = scanned.draw(40_000, 0.2, rng)
    rows = scanned.table(size, green, rng)
    made = Tally([scanned.MARK], scanned.ALPHA)
    made.add(rows)
    for _ in range(3):
        made.add(rows.filter(pa.array(marked)))
    data = build_report(made, SCAN).data
    share = data["detectors"][0]["share"]
    assert data["copies"]["shares_of"] == "a random sample of the distinct documents"
    assert share["tested"] <= SAMPLE
    assert share["low"] < 0.2 < share["high"] < 0.25
    assert any("read off a random sample" in line for line in headline(data))


def test_a_marked_share_says_beside_it_what_makes_it_too_low(tmp_path):
    report = build_report(tally()[0], SCAN)
    assert any("too low where pages are marked in part" in line for line in headline(report.data))
    write_report(report, tmp_path)
    assert "too low where pages are marked in part" in (tmp_path / "report.html").read_text()


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
