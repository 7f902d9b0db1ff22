"""The human passages that the demo uses."""

from assay.eval.demo import human_passages


def test_there_are_three_passages_of_250_to_400_words():
    passages = human_passages()
    assert [p.title.split(",")[0] for p in passages] == ["Charles Darwin", "Herman Melville", "Jane Austen"]
    assert all(250 <= len(p.text.split()) <= 400 for p in passages)


def test_they_are_clean():
    for passage in human_passages():
        assert passage.text == passage.text.strip()
        assert "_" not in passage.text
        assert "--" not in passage.text
        assert '"' not in passage.text
