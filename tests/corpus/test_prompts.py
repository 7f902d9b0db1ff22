"""A prompt is a string or a chat, found under one of three names, and its id stands once."""

import io
import json

import pytest
from assay.corpus.prompts import Prompt, Unreadable, read_prompts
from assay.errors import DataError

USER = {"role": "user", "content": "Hello?"}
BOT = {"role": "assistant", "content": "Hello.", "name": "b"}


def read(*records, **options):
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    return list(read_prompts("-", stdin=io.BytesIO(data), **options))


def test_the_prompt_field_wins_then_messages_then_text():
    assert read({"prompt": "p", "messages": [USER, BOT], "text": "t", "id": 1}) == [
        Prompt("1", "p", {"messages": [USER, BOT], "text": "t"})
    ]
    assert read({"messages": [BOT, USER], "text": "t"}) == [Prompt("-:1", "Hello?", {"text": "t"}, (BOT, USER))]
    assert read({"prompt": None, "text": "t", "k": 0}) == [Prompt("-:1", "t", {"prompt": None, "k": 0})]


def test_any_of_the_fields_may_hold_a_chat():
    assert read({"prompt": [USER]}) == [Prompt("-:1", "Hello?", {}, (USER,))]
    assert read({"q": [USER], "prompt": "p"}, prompt_field="q") == [Prompt("-:1", "Hello?", {"prompt": "p"}, (USER,))]
    assert read({"body": "b"}, text_field="body") == [Prompt("-:1", "b", {})]


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ({"question": "q"}, 'expected a field "prompt" or "messages" or "text", got "question"'),
        ({"prompt": 3}, "got a number"),
        ({"prompt": []}, "an empty list"),
        ({"prompt": ["a"]}, "message 1 of"),
        ({"messages": [USER, {"role": "user"}]}, "message 2 of"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "message 1 of"),
        ({"messages": {"role": "user", "content": "x"}}, "got an object"),
        ({"prompt": "p", "id": {}}, 'field "id"'),
    ],
)
def test_a_record_without_a_usable_prompt_is_reported_and_the_next_is_read(record, word):
    bad, good = read(record, {"prompt": "next"})
    assert isinstance(bad, Unreadable)
    assert (bad.place, bad.id) == ("-:1", "-:1")
    assert word in bad.message
    assert "\n" not in bad.message
    assert good.text == "next"


def test_a_repeated_id_is_reported_with_both_places_and_left_out():
    items = read({"id": "x", "prompt": "1"}, {"id": "y", "prompt": "2"}, {"id": "x", "prompt": "3"}, {"id": "-:5"})
    assert [type(item) for item in items] == [Prompt, Prompt, Unreadable, Unreadable]
    assert items[2].place == "-:3"
    assert 'id "x" stands at -:1 already' in items[2].message


def test_an_integer_and_a_string_that_look_alike_are_one_id_and_a_made_up_id_counts():
    items = read({"id": 1, "prompt": "a"}, {"id": "1", "prompt": "b"}, {"id": "-:4", "prompt": "c"}, {"prompt": "d"})
    assert [type(item) for item in items] == [Prompt, Unreadable, Prompt, Unreadable]


def test_a_record_that_failed_does_not_use_up_its_id():
    bad, good = read({"id": "x", "prompt": 3}, {"id": "x", "prompt": "again"})
    assert isinstance(bad, Unreadable)
    assert good == Prompt("x", "again", {})


def test_a_text_file_holds_one_prompt_a_line(tmp_path):
    path = tmp_path / "p.txt"
    path.write_bytes(b'\xef\xbb\xbfOnce upon \r\n\n  \n{"prompt": "x"}\nbad \xff\n\ttab')
    items = list(read_prompts(str(path)))
    assert items[0] == Prompt("p.txt:1", "Once upon ", {})
    assert items[1].text == '{"prompt": "x"}'
    assert isinstance(items[2], Unreadable)
    assert items[2].place == f"{path}:5"
    assert items[3] == Prompt("p.txt:6", "\ttab", {})


def test_a_missing_file_is_refused_at_the_call(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_prompts(str(tmp_path / "gone.txt"))
