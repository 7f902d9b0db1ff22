"""Text sets: what is read, chosen, sampled, refused; on files of every holder and on the project's own detection data."""

import gzip
import json
from dataclasses import replace

import pytest
import zstandard
from assay.errors import DataError
from assay.eval.text_sets import TextSetSpec, fingerprint, load_subjects


def rows(n, **more):
    return [{"id": f"t{i}", "text": f"text {i}", "label": "ai" if i % 2 else "human", **more} for i in range(n)]


@pytest.fixture
def jsonl(tmp_path):
    def write(records, name="texts.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write


def spec(path, **settings):
    return TextSetSpec(name="set", path=str(path), **settings)


def read(path, **settings):
    said = []
    return list(load_subjects(spec(path, **settings), said.append)), said


def test_the_same_records_come_out_of_every_holder(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [{**one, "domain": "news", "pair_id": f"p{i // 2}"} for i, one in enumerate(rows(6))]
    lines = "".join(json.dumps(one) + "\n" for one in records)
    header = ",".join(records[0])
    table = header + "\n" + "".join(",".join(one.values()) + "\n" for one in records)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.txt").write_text(lines)
    (tmp_path / "a.json").write_text(json.dumps(records, indent=1))
    (tmp_path / "a.csv").write_text("\ufeff" + table, encoding="utf-8")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "a.csv.zst").write_bytes(zstandard.compress(table.encode()))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    names = ("a.txt", "a.json", "a.csv", "a.jsonl.gz", "a.csv.zst", "a.parquet")
    expected, _ = read(tmp_path / "a.jsonl")
    assert [(s.id, s.label, s.domain, s.cluster) for s in expected[:3]] == [
        ("t0", "human", "news", "p0"), ("t1", "machine", "news", "p0"), ("t2", "human", "news", "p1"),
    ]  # fmt: skip
    for name in names:
        spec(tmp_path / name).check()
        assert read(tmp_path / name)[0] == expected, name


def test_records_with_a_bad_label_or_text_are_reported_counted_and_left_out(jsonl):
    bad = [{"id": f"b{i}", "text": "x", "label": "maybe"} for i in range(4)] + [{"id": "c", "text": None, "label": 0}]
    path = jsonl([*rows(2), *bad, {"id": "s", "text": "\ud800", "label": 0}])
    path.write_text(path.read_text() + "not json\n")
    found, said = read(path)
    assert [s.id for s in found] == ["t0", "t1"]
    assert said[0].startswith(f"{path}:3: the label must be human or ai (or 0 or 1), got 'maybe'")
    assert len(said) == 4
    assert said[3] == "and 4 more records of text set 'set' that could not be used"


def test_ids_that_repeat_stop_the_run_and_name_both_places(jsonl):
    path = jsonl([*rows(2), {"id": "t0", "text": "again", "label": 1}])
    with pytest.raises(DataError, match=rf"'t0' occurs twice, at {path}:1 and {path}:3"):
        read(path)


def test_filters_look_at_lists_types_and_what_the_format_made_of_a_field(jsonl):
    path = jsonl([
        {"id": "a", "text": "x", "label": "human", "flags": ["glued", "markdown"], "n": 1},
        {"id": "b", "text": "x", "label": "ai", "n": 2, "good": True},
        {"id": "c", "text": "x", "label": "ai", "flags": ["chat_lead"], "n": 3},
    ])  # fmt: skip

    def ids(**settings):
        return "".join(s.id for s in read(path, **settings)[0])

    assert ids(where={"flags": ["markdown", "other"]}) == "a"
    assert ids(where_not={"flags": ["glued", "chat_lead"]}) == "b"
    assert ids(where={"label": "machine"}) == ids(where={"label": "ai"}) == "bc"
    assert ids(where={"n": [1, 3]}) == ids(where={"n": ["1", "3"]}) == "ac"
    assert ids(where={"good": True}) == ids(where={"good": "true"}) == "b"
    with pytest.raises(DataError, match="leave none of 3 texts"):
        ids(where={"domain": "news"})


def test_a_sample_keeps_clusters_whole_ignores_order_and_grows_with_its_limit(jsonl):
    records = [{**one, "pair_id": f"p{i // 3}"} for i, one in enumerate(rows(300))]
    path, other = jsonl(records), jsonl(records[::-1], "reversed.jsonl")
    small, large = ({s.id for s in read(path, limit=n)[0]} for n in (30, 100))
    assert len(small) == 30
    assert len(large) == 99
    assert small < large
    assert {s.id for s in read(other, limit=30)[0]} == small
    assert {s.id for s in read(path, limit=30, seed=1)[0]} != small
    clusters = [s.cluster for s in read(path, limit=30)[0]]
    assert all(clusters.count(one) == 3 for one in clusters)
    order = [s.id for s in read(path, limit=30)[0]]
    assert order == sorted(order, key=lambda one: int(one[1:]))
    with pytest.raises(DataError, match="a cluster has more than limit = 2 texts"):
        read(path, limit=2)


def test_names_of_fields_can_be_given(jsonl):
    path = jsonl([{"uid": 7, "body": "x", "made": 1, "who": "gpt", "where": "news", "l1": "de", "doc": "d9"}])
    names = {
        "id": "uid",
        "text": "body",
        "label": "made",
        "generator": "who",
        "domain": "where",
        "group": "l1",
        "cluster": "doc",
    }
    (found,), _ = read(path, fields=names)
    assert (found.id, found.text, found.label, found.generator, found.domain, found.group, found.cluster) == (
        "7", "x", "machine", "gpt", "news", "de", "d9",
    )  # fmt: skip


def test_texts_without_a_cluster_are_their_own_the_same_in_every_set_over_the_file(jsonl):
    path = jsonl(rows(3))
    assert [s.cluster for s in read(path)[0]] == ["texts.jsonl/t0", "texts.jsonl/t1", "texts.jsonl/t2"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": ""}, "needs a name"),
        ({"path": ""}, "has neither path nor hub"),
        ({"hub": "a/b"}, "has both path and hub"),
        ({"format": "raidd"}, "unknown format 'raidd'; did you mean 'raid'"),
        ({"label": "robot"}, "label must be human or machine, got 'robot'"),
        ({"role": "train"}, "role must be test or calibration, got 'train'"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"fields": {"txt": "body"}}, "fields has no 'txt'; did you mean 'text'"),
    ],
)
def test_a_wrong_setting_is_one_line(settings, said):
    with pytest.raises(DataError) as caught:
        TextSetSpec(**{"name": "set", "path": "x.jsonl", **settings})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_with_a_file_is_known_before_it_is_read(jsonl, tmp_path):
    path = jsonl([{"id": "a", "txt": "x", "lable": 0, "text": "y"}])
    for settings, said in [
        ({"fields": {"text": "body"}}, "has no field 'body'"),
        ({}, "no field 'label' says who wrote a text.*did you mean 'lable'"),
        ({"format": "raid", "fields": {"text": "txt"}}, "knows its own text"),
    ]:
        with pytest.raises(DataError, match=said):
            spec(path, **({"format": "plain"} | settings)).check()
    with pytest.raises(DataError, match="no such file"):
        spec(tmp_path / "absent.jsonl").check()
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="begins with nothing"):
        spec(tmp_path / "empty.jsonl").check()
    (tmp_path / "prose.md").write_text("Once upon a time.\n")
    with pytest.raises(DataError, match="expected JSON Lines, a JSON list or object, CSV with a header, or Parquet"):
        spec(tmp_path / "prose.md").check()


def test_a_damaged_row_of_csv_is_reported_with_its_line_and_the_next_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text,label\n1,one,human\n2,two\n3,caf\xe9,human\n4,four,ai\n")
    found, said = read(path)
    assert [s.id for s in found] == ["1", "4"]
    assert said == [
        f"{path}:3: the row has 2 cells, expected 3 as in the header; repair the row",
        f"{path}:4: the row is not UTF-8; convert the file with iconv",
    ]


def test_csv_is_read_a_record_at_a_time(tmp_path):
    """Of 40 MB of text no more than 8 are held at a time."""
    import tracemalloc

    path = tmp_path / "big.csv.gz"
    row = f"x,{'word ' * 4000},human\n"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write("id,text,label\n")
        for i in range(2000):
            file.write(f"{i}{row}")
    tracemalloc.start()
    n = sum(1 for _ in load_subjects(spec(path), print))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 2000
    assert peak < 8 << 20


def test_fingerprints_change_with_content_and_settings_and_name_no_folder(jsonl, tmp_path):
    path = jsonl(rows(3))
    first = fingerprint(spec(path))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / path.name).write_bytes(path.read_bytes())
    assert fingerprint(spec(moved / path.name)) == first
    assert str(tmp_path) not in json.dumps(first)
    assert fingerprint(spec(path, limit=2)) != first
    jsonl(rows(4))
    assert fingerprint(spec(path)) != first
    commit = "0" * 40
    assert fingerprint(TextSetSpec(name="set", hub="a/b", revision=commit))["commit"] == commit


def test_a_folder_saved_by_datasets_is_read_by_split(tmp_path):
    datasets = pytest.importorskip("datasets")
    parts = {"train": datasets.Dataset.from_list(rows(2)), "test": datasets.Dataset.from_list(rows(4))}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    spec(tmp_path / "saved").check()
    found, _ = read(tmp_path / "saved", split="test")
    assert [(s.id, s.label) for s in found] == [("t0", "human"), ("t1", "machine"), ("t2", "human"), ("t3", "machine")]
    with pytest.raises(DataError, match="several splits; name one as split: train, test"):
        read(tmp_path / "saved")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "part.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows(3)))
    assert len(read(tmp_path / "plain")[0]) == 3


def test_detection_data_is_read_as_its_readme_counts_it(shared):
    path = shared / "data" / "detection" / "liang_bias.jsonl.gz"
    found, said = read(path, fields={"group": "domain"})
    assert (len(found), sum(s.label == "human" for s in found)) == (284, 141)
    note = "143 texts are attacked already (simplify 88, polish 55) and stand as unattacked"
    assert said == [f"text set 'set': {note}; choose with where = {{attack = \"none\"}}"]
    assert {s.group for s in found if s.label == "human"} >= {"us_8th_grade_essay"}
    assert all(s.lang == "en" and s.cluster.startswith("p") for s in found)
    chat = read(shared / "data" / "detection" / "alpaca_eval.jsonl.gz", where_not={"flags": "markdown"}, limit=100)[0]
    assert len(chat) <= 100
    assert not any("markdown" in s.fields.get("flags", ()) for s in chat)


def test_the_name_of_a_set_is_no_part_of_what_its_texts_are(jsonl):
    one = spec(jsonl(rows(2)))
    assert fingerprint(replace(one, name="other")) == fingerprint(one)


def test_texts_that_were_attacked_before_are_counted_and_said_once(jsonl):
    attacks = ["none", "synonym", "", None, {"name": "delete", "strength": 0.3}, "synonym"]
    raid = [{"id": str(i), "generation": f"text {i}", "model": "gpt4", "attack": one} for i, one in enumerate(attacks)]
    path = jsonl(raid)
    found, said = read(path)
    assert said == [
        (
            "text set 'set': 3 texts are attacked already (synonym 2, delete 1) and stand as unattacked; "
            'choose with where = {attack = "none"}'
        )
    ]
    assert [one.fields["attack"] for one in found] == attacks
    assert read(path, where={"attack": "synonym"})[1] == []  # whoever chooses knows
    assert read(path, where_not={"attack": ["synonym"]})[1] == [
        said[0].replace("3 texts are", "1 text is").replace("synonym 2, ", "").replace("and stand ", "and stands ")
    ]
