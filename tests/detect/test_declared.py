"""Declarations in texts: found by their fixed bytes, cut out whole, and nothing else is touched."""

import json

import pytest
from assay.detect.declared import PREFIX, declared, declares_machine, wrapper

PROSE = "The committee met again \u2764\ufe0f on Thursday. \u845b\U000e0100 \U0001f469\u200d\U0001f467"
MANIFEST = bytes(range(256)) * 4
RECORD = {
    "id": "1",
    "prompt": "Once",
    "text": "Once upon a time.",
    "provenance": {"source_type": "trainedAlgorithmicMedia"},
}


def test_the_prefix_is_the_34_bytes_of_the_standard():
    """C2PA 2.4 A.8: U+FEFF (3 bytes), seven selectors of the supplement (4 each) for C2PATXT, U+FE00 (3) for NUL."""
    selectors = "".join(chr(0xE0100 + ord(letter) - 16) for letter in "C2PATXT") + "\ufe00"
    assert PREFIX == "\ufeff" + selectors
    assert len(PREFIX.encode()) == 3 + 7 * 4 + 3 == 34


def test_a_record_is_found_behind_white_space_and_not_in_the_middle_of_a_text():
    for space in ("", "\n \t", "\u3000\x85"):
        assert declared(space + json.dumps(RECORD)).text == RECORD["text"]
    assert declared("See " + json.dumps(RECORD)) is None
    assert declared("\ufeff" + json.dumps(RECORD)) is None


@pytest.mark.parametrize("place", [0, 7, len(PROSE)])
def test_a_wrapper_is_cut_out_wherever_it_stands_and_its_manifest_read(place):
    found = declared(PROSE[:place] + wrapper(MANIFEST) + PROSE[place:])
    assert (found.kind, found.text, found.manifest, found.problem) == ("c2pa", PROSE, MANIFEST, "")


def test_text_without_a_declaration_declares_nothing_whatever_selectors_it_holds():
    selectors = "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
    for text in (
        "",
        PROSE,
        "\ufeff" + PROSE,
        selectors,
        wrapper(MANIFEST)[1:8],
        "C2PATXT\0",
        json.dumps({"text": "a"}),
    ):
        assert declared(text) is None


def test_a_wrapper_whose_byte_order_mark_a_reader_ate_is_found():
    found = declared(wrapper(b"abc")[1:] + PROSE)
    assert (found.kind, found.text, found.manifest) == ("c2pa", PROSE, b"abc")


@pytest.mark.parametrize("kept", [9, 12, 14, 40])
def test_a_wrapper_that_is_cut_short_is_cut_out_as_far_as_it_goes(kept):
    found = declared("before" + wrapper(MANIFEST)[:kept] + "after")
    assert (found.kind, found.text, found.manifest) == ("c2pa", "beforeafter", b"")
    assert "cut short" in found.problem


def test_a_length_that_lies_takes_no_text_with_it():
    lying = wrapper(b"")[:-4] + "".join(chr(0xE0100 + 255 - 16) for _ in range(4))  # four gigabytes, it says
    found = declared(lying + PROSE)
    assert found.text == PROSE
    assert "0 of 4294967295 bytes" in found.problem


def test_thirty_thousand_lies_are_read_in_one_pass():
    """420,000 characters: cut out as slices to the length they claim, each lie would copy what follows, 25 GB in all."""
    lying = wrapper(b"")[:-4] + "".join(chr(0xE0100 + 255 - 16) for _ in range(4)) + "x"
    assert declared(lying * 30_000).text == "x" * 30_000


def test_two_wrappers_are_both_cut_out_and_said():
    found = declared(wrapper(b"one") + PROSE + wrapper(b"two"))
    assert (found.text, found.manifest) == (PROSE, b"one")
    assert found.problem == "2 wrappers, where the standard allows one"


def test_our_own_records_are_found_as_one_object_or_one_a_line():
    for text in (json.dumps(RECORD), json.dumps(RECORD, indent=2), json.dumps(RECORD) + "\n"):
        assert (declared(text).kind, declared(text).text) == ("assay", "Once upon a time.")
    lines = f"{json.dumps(RECORD)}\n{json.dumps({'text': 'Another.'})}\n"
    assert declared(lines).text == "Once upon a time.\nAnother."


def test_talk_about_provenance_is_no_declaration():
    for text in (
        "IPTC calls it trainedAlgorithmicMedia.",
        '{"comment": "trainedAlgorithmicMedia", "text": "human"}',
        '{"provenance": {"source_type": "digitalCreation", "was": "trainedAlgorithmicMedia"}, "text": "human"}',
        json.dumps(RECORD)[:-5],
        json.dumps([RECORD]),
        '{"a":' * 100_000 + "trainedAlgorithmicMedia",
    ):
        assert declared(text) is None


def test_a_record_beside_the_text_is_read_as_it_is_and_as_json():
    assert declares_machine(RECORD)
    assert declares_machine({"provenance": json.dumps(RECORD["provenance"])})
    for provenance in (None, "human", 3, [], {"source_type": "digitalCreation"}, {"source_type": ["x"]}, "{"):
        assert not declares_machine({"provenance": provenance})
    assert not declares_machine({})
