"""A folder is refilled only by who filled it, and files of others stay as they are."""

import json

import pytest
from assay.errors import DataError
from assay.eval.folder import OwnedFolder


def owned(path):
    return OwnedFolder(path, "marker.json", "assay test", ("a.txt", "b.txt"))


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    owned(tmp_path / "x" / "y").claim()
    assert json.loads((tmp_path / "x" / "y" / "marker.json").read_text()) == {"made_by": "assay test"}


def test_its_own_files_go_and_files_of_others_stay(tmp_path):
    owned(tmp_path).claim()
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    owned(tmp_path).claim()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["marker.json", "notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("marker", [None, "", "[]", '{"made_by": "someone"}', "{"])
def test_a_folder_of_others_is_refused_and_untouched(tmp_path, marker):
    (tmp_path / "a.txt").write_text("theirs")
    if marker is not None:
        (tmp_path / "marker.json").write_text(marker)
    before = {p.name: p.read_text() for p in tmp_path.iterdir()}
    with pytest.raises(DataError, match="did not write, expected a new or empty folder; nothing was changed"):
        owned(tmp_path).claim()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == before


def test_a_link_among_its_files_goes_and_what_it_points_to_stays(tmp_path):
    (tmp_path / "precious").write_text("kept")
    owned(tmp_path / "out").claim()
    (tmp_path / "out" / "a.txt").symlink_to(tmp_path / "precious")
    owned(tmp_path / "out").claim()
    assert not (tmp_path / "out" / "a.txt").is_symlink()
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file, expected a folder"):
        owned(tmp_path / "file").claim()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write to the folder"):
        owned(tmp_path / "file" / "below").claim()
