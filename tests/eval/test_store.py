"""The store: keys name content, parts are whole or not there."""

from pathlib import Path

import pytest
from assay.errors import DataError
from assay.eval import store as store_module
from assay.eval.store import Figures, Node, Part, Store, canonical_sha256, node


def test_a_key_is_of_stage_content_and_inputs_whatever_the_order_of_fields() -> None:
    source = node("texts", {"a": 1})
    one = node("attack", {"x": 1, "y": 2}, [source])
    assert one == node("attack", {"y": 2, "x": 1}, [source])
    others = [
        node("damage", {"x": 1, "y": 2}, [source]),
        node("attack", {"x": 1, "y": 3}, [source]),
        node("attack", {"x": 1, "y": 2}, [node("texts", {"a": 2})]),
        node("attack", {"x": 1, "y": 2}),
    ]
    assert len({one.key, *(other.key for other in others)}) == 5


def test_a_key_changes_with_the_code_of_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    before = node("score", {}), node("attack", {})
    monkeypatch.setitem(store_module.CODE, "score", 99)
    assert node("score", {}) != before[0]
    assert node("attack", {}) == before[1]


def test_canonical_json_is_the_known_hash() -> None:
    # printf '{"a":[1,"\\u00e9"],"b":null}' | sha256sum
    import hashlib

    expected = hashlib.sha256(b'{"a":[1,"\\u00e9"],"b":null}').hexdigest()
    assert canonical_sha256({"b": None, "a": [1, "é"]}) == expected


def test_parts_come_back_as_they_were_lone_surrogates_included(tmp_path: Path) -> None:
    store, place = Store(tmp_path), Node("texts", "k")
    records = [{"id": "1", "text": "a\ud800b\u2028c\x85\n"}, {"id": "2", "text": "", "score": 0.1 + 0.2}]
    store.write(place, 0, Part(records, Figures(2, 7, 0.5, 0.25)))
    assert store.read(place, 0) == Part(records, Figures(2, 7, 0.5, 0.25))
    assert store.read(place, 1) is None


def test_a_node_is_finished_only_with_all_its_parts(tmp_path: Path) -> None:
    store, place = Store(tmp_path), Node("texts", "k")
    store.write(place, 0, Part([{"id": "1"}]))
    assert store.finished(place) is None
    store.write(place, 1, Part([{"id": "2"}]))
    store.finish(place, 2, n=2)
    assert store.finished(place) == {"parts": 2, "n": 2}
    assert [one["id"] for one in store.records(place)] == ["1", "2"]
    (store.folder(place) / "00001.jsonl.zst").unlink()
    assert store.finished(place) is None


@pytest.mark.parametrize("left", [0, 1, 20, -1])
def test_a_part_that_is_cut_is_not_there(tmp_path: Path, left: int) -> None:
    store, place = Store(tmp_path), Node("texts", "k")
    store.write(place, 0, Part([{"id": str(i), "text": "words " * 20} for i in range(20)]))
    path = store.folder(place) / "00000.jsonl.zst"
    path.write_bytes(path.read_bytes()[:left])
    assert store.read(place, 0) is None


def test_a_damaged_part_is_removed_so_that_it_is_made_again(tmp_path: Path) -> None:
    store, place = Store(tmp_path), Node("texts", "k")
    store.write(place, 0, Part([{"id": "1"}]))
    store.finish(place, 1)
    path = store.folder(place) / "00000.jsonl.zst"
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="is damaged; give the same command again"):
        store.records(place)
    assert not store.has(place, 0)
    assert store.finished(place) is None


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    store, place = Store(tmp_path), Node("texts", "k")
    store.write(place, 0, Part([]))
    (store.folder(place) / "00001.jsonl.zst.77.tmp").write_bytes(b"half")
    store.sweep()
    assert [path.name for path in store.folder(place).iterdir()] == ["00000.jsonl.zst"]
