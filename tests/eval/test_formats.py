"""Each public format is read as its own description has it; records here have the fields of the real files, and short texts of ours."""

import json

import pytest
from assay.errors import DataError
from assay.eval.text_sets import TextSetSpec, load_subjects


def read(path, **settings):
    said = []
    return list(load_subjects(TextSetSpec(name="set", path=str(path), **settings), said.append)), said


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


RAID = (
    "id,adv_source_id,source_id,model,decoding,repetition_penalty,attack,domain,title,prompt,generation\n"
    'h-1,h-1,h-1,human,,,none,abstracts,"A title, with a comma",,"A human abstract.\nOn two lines, with ""quotes""."\n'
    "m-1,m-1,h-1,llama-chat,greedy,yes,none,abstracts,A title,Write an abstract,A machine abstract.\n"
    "m-2,m-1,h-1,llama-chat,greedy,yes,homoglyph,abstracts,A title,Write an abstract,A m\u0430chine abstract.\n"
    "g-1,g-1,h-2,mpt,sampling,no,none,german,Titel,Schreibe,Ein Text.\n"
)


def test_raid_clusters_by_source_and_keeps_newlines_and_quotes(tmp_path):
    found, said = read(write(tmp_path / "train.csv", RAID))
    assert [(s.id, s.label, s.generator, s.cluster, s.lang) for s in found] == [
        ("h-1", "human", "human", "h-1", "en"),
        ("m-1", "machine", "llama-chat", "h-1", "en"),
        ("m-2", "machine", "llama-chat", "h-1", "en"),
        ("g-1", "machine", "mpt", "h-2", "de"),
    ]
    assert found[0].text == 'A human abstract.\nOn two lines, with "quotes".'
    assert found[1].fields["decoding"] == "greedy"
    assert "generation" not in found[1].fields
    assert said == [
        (
            "text set 'set': 1 text is attacked already (homoglyph 1) and stands as unattacked; "
            'choose with where = {attack = "none"}'
        )
    ]


def test_raid_rows_are_chosen_by_any_column(tmp_path):
    path = write(tmp_path / "train.csv", RAID)
    found, _ = read(path, where={"attack": "none", "domain": ["abstracts"]}, where_not={"decoding": "sampling"})
    assert [s.id for s in found] == ["h-1", "m-1"]


def test_raid_without_labels_is_refused_in_one_line(tmp_path):
    path = write(tmp_path / "test.csv", "id,generation\na,One text.\nb,Another.\n")
    with pytest.raises(DataError, match=r"none of 2 texts could be used.*test part, which has no labels"):
        read(path)


def test_detectrl_rows_take_author_domain_and_attack_from_their_fields(tmp_path):
    rows = [
        {"text": "A story.", "label": "human", "data_type": "story", "llm_type": "ChatGPT"},
        {"text": "Generated.", "label": "llm", "data_type": "direct_prompt", "llm_type": "Claude-instant"},
        {"text": "Rewritten.", "label": "llm", "data_type": "paraphrase_dipper_llm", "llm_type": "Llama-2-70b"},
    ]
    path = tmp_path / "multi_domains_writing_prompt_test.json"
    path.write_text(json.dumps(rows, indent=4), encoding="utf-8")
    found, _ = read(path)
    assert [(s.label, s.generator, s.domain, s.fields["attack"]) for s in found] == [
        ("human", "human", "writing_prompt", "none"),
        ("machine", "Claude-instant", "writing_prompt", "none"),
        ("machine", "Llama-2-70b", "writing_prompt", "paraphrase_dipper_llm"),
    ]
    assert len({s.cluster for s in found}) == 3
    assert [s.id for s in read(path, where={"attack": "none", "label": "machine"})[0]] == [f"{path.name}:2"]


def test_wide_detectrl_rows_are_clusters(tmp_path):
    row = {
        "title": "T", "abstract": "Human abstract.", "direct_prompt": "Made.", "paraphrase_dipper_llm": "Rewritten.",
        "paraphrase_dipper_human": "Contested.", "llm_type": "ChatGPT",
    }  # fmt: skip
    found, _ = read(write(tmp_path / "arxiv_2800.json", [row, {**row, "abstract": "Another."}]))
    assert [(s.label, s.text) for s in found[:3]] == [
        ("human", "Human abstract."), ("machine", "Made."), ("machine", "Rewritten."),
    ]  # fmt: skip
    assert [s.cluster for s in found] == ["arxiv_2800.json:1"] * 3 + ["arxiv_2800.json:2"] * 3
    assert not any("Contested" in str(s) for s in found)


def test_m4_pairs_share_a_cluster_across_files(tmp_path):
    row = {
        "prompt": "Write", "human_text": "By hand.", "machine_text": "By machine.", "model": "llama-2-70b-chat",
        "source": "arxiv", "source_ID": 704.0007,
    }  # fmt: skip
    one, _ = read(write(tmp_path / "arxiv_llama2.jsonl", row))
    two, _ = read(write(tmp_path / "arxiv_cohere.jsonl", {**row, "model": "cohere"}))
    assert [(s.label, s.generator, s.domain, s.lang) for s in one] == [
        ("human", "human", "arxiv", "en"), ("machine", "llama-2-70b-chat", "arxiv", "en"),
    ]  # fmt: skip
    assert {s.cluster for s in one + two} == {"arxiv/704.0007"}
    assert len({s.id for s in one + two}) == 4


def test_semeval_labels_above_one_are_models_and_contradictions_are_reported(tmp_path):
    rows = [
        {"text": "One.", "label": 0, "model": "human", "source": "wikihow", "id": 0},
        {"text": "Two.", "label": 3, "model": "davinci", "source": "wikihow", "id": 1},
        {"text": "Три.", "label": 1, "model": "chatGPT", "source": "russian", "id": 2},
        {"text": "Mixed.", "label": 17, "model": "human", "source": "peerread", "id": 3},
    ]
    found, said = read(write(tmp_path / "subtaskB_dev.jsonl", "\n".join(map(json.dumps, rows))))
    assert [(s.id, s.label, s.generator, s.lang) for s in found] == [
        ("0", "human", "human", "en"), ("1", "machine", "davinci", "en"), ("2", "machine", "chatGPT", "ru"),
    ]  # fmt: skip
    assert said == [
        f"{tmp_path}/subtaskB_dev.jsonl:4: the label 17 says machine, the model is 'human'; repair the record"
    ]


def test_hc3_answers_of_one_question_share_a_cluster(tmp_path):
    rows = [
        {"question": "Why?", "human_answers": ["Because.", "So."], "chatgpt_answers": ["As an answer."], "source": "reddit_eli5"},
        {"question": "How?", "human_answers": ["Thus."], "chatgpt_answers": []},
    ]  # fmt: skip
    found, _ = read(write(tmp_path / "all.jsonl", "\n".join(map(json.dumps, rows))))
    assert [(s.label, s.domain, s.text) for s in found] == [
        ("human", "reddit_eli5", "Because."), ("human", "reddit_eli5", "So."), ("machine", "reddit_eli5", "As an answer."),
        ("human", "all", "Thus."),
    ]  # fmt: skip
    assert [s.cluster == found[0].cluster for s in found] == [True, True, True, False]


def test_fast_detectgpt_lists_are_pairs_named_by_their_file(tmp_path):
    path = tmp_path / "xsum_gpt-4.raw_data.json"
    path.write_text(json.dumps({"original": ["A.", "B."], "sampled": ["C.", "D."]}, indent=4), encoding="utf-8")
    found, _ = read(path)
    assert [(s.text, s.label, s.generator, s.domain) for s in found] == [
        ("A.", "human", "human", "xsum"), ("C.", "machine", "gpt-4", "xsum"),
        ("B.", "human", "human", "xsum"), ("D.", "machine", "gpt-4", "xsum"),
    ]  # fmt: skip
    assert [s.cluster for s in found] == [f"{path.name}:1"] * 2 + [f"{path.name}:2"] * 2
    one_line = write(tmp_path / "writing_gpt2-xl.raw_data.json", {"original": ["A."], "sampled": ["C."]})
    assert [s.generator for s in read(one_line)[0]] == ["human", "gpt2-xl"]


def test_two_sets_over_one_file_share_clusters(tmp_path):
    path = write(tmp_path / "xsum_gpt-4.raw_data.json", {"original": ["A.", "B."], "sampled": ["C.", "D."]})
    human, machine = (read(path, where={"label": label})[0] for label in ("human", "machine"))
    assert [s.cluster for s in human] == [s.cluster for s in machine]


def test_lists_of_unequal_length_are_no_pairs(tmp_path):
    path = write(tmp_path / "x.json", {"original": ["A."], "sampled": []})
    with pytest.raises(DataError, match="'original' has 1 texts and 'sampled' 0"):
        read(path)


def test_mgtbench_literals_are_read_and_never_run(tmp_path):
    head = "id,title,context,question,answers,Question,chatgpt_answer\n"
    good = "5,M,c,q,\"{'text': ['18 April 1521', '1521'], 'answer_start': [80, 89]}\",Prompt,On 18 April 1521.\n"
    evil = "6,M,c,q,\"{'text': [__import__('os').getcwd()]}\",Prompt,No.\n"
    found, said = read(write(tmp_path / "SQuAD1_chatgpt.csv", head + good + evil))
    assert [(s.text, s.label, s.generator) for s in found[:2]] == [
        ("18 April 1521", "human", "human"), ("On 18 April 1521.", "machine", "chatgpt"),
    ]  # fmt: skip
    assert {s.cluster for s in found} == {"5"}
    assert len(said) == 1
    assert "no literal with a list 'text'" in said[0]


def test_mgtbench_model_columns_and_the_lists_of_its_loader(tmp_path):
    wide = "human,ChatGPT,Claude\nBy hand.,Made one.,Made two.\n"
    found, _ = read(write(tmp_path / "Essay_LLMs.csv", wide))
    assert [(s.label, s.generator, s.domain) for s in found] == [
        ("human", "human", "Essay"), ("machine", "ChatGPT", "Essay"), ("machine", "Claude", "Essay"),
    ]  # fmt: skip
    lists = {"train": {"text": ["h1", "m1"], "label": [0, 1]}, "test": {"text": ["h2", "m2"], "label": [0, 1]}}
    found, _ = read(write(tmp_path / "TruthfulQA.json", lists))
    assert [(s.text, s.label, s.fields["split"]) for s in found] == [
        ("h1", "human", "train"), ("m1", "machine", "train"), ("h2", "human", "test"), ("m2", "machine", "test"),
    ]  # fmt: skip
    assert found[0].cluster == found[1].cluster != found[2].cluster


def test_mage_labels_that_count_the_other_way_are_refused(tmp_path):
    rows = [
        {"text": "By hand.", "label": 1, "src": "cmv_human"},
        {"text": "Made.", "label": 0, "src": "cmv_machine_continuation_gpt_j"},
    ]
    path = write(tmp_path / "mage.jsonl", "\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match="MAGE counts 1 as human"):
        read(path)


def test_a_format_that_cannot_be_told_names_the_fields_it_saw(tmp_path):
    path = write(tmp_path / "x.jsonl", {"body": "A text.", "author": "me"})
    with pytest.raises(DataError, match='cannot tell its format from its fields "body", "author"; say which it is'):
        read(path)
    found, _ = read(path, fields={"text": "body", "group": "author"}, label="human")
    assert [(s.text, s.group) for s in found] == [("A text.", "me")]
