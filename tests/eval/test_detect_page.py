"""The page of `detect` shows what was found, in colours anybody can read, and whatever a text holds is text."""

import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from assay.detect.detection import Decision, Detection, Span, Threshold
from assay.detect.marks import MarkDetector
from assay.errors import DataError
from assay.eval.detect_page import MAX_CHARACTERS, DetectPage, sentence
from assay.eval.heat import DARK, LIGHT

VOID = {"meta", "link", "br", "img", "hr", "input"}
SURROGATE = chr(0xD83D)
HOSTILE = (
    "Say <script>alert('&')</script> </div><img src=x onerror=alert(1)> \u202e\u05e9\u05dc\u05d5\u05dd\u202c \U0001f600"
    f'\U0001f469\u200d\U0001f467 \u4e16\u754c a\x00b c\r\nd\re {SURROGATE} "q" <|endoftext|> {{{{ 7 * 7 }}}}'
)
ABSTAINED = Decision("abstain", None, 0, ("fast: too short",))


class Checked(HTMLParser):
    """Keeps tags, attributes, the text of each coloured view, and what is underlined in it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.met, self.attributes, self.views, self.underlined, self.tokens = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.met.append(tag)
        self.attributes += attrs
        if tag in VOID:
            return
        self.open.append((tag, dict(attrs).get("class")))
        if ("class", "text") in attrs:
            self.views.append("")
            self.underlined.append("")
        if ("div", "text") in self.open and tag == "i":
            self.tokens.append((len(self.views) - 1, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if ("div", "text") in self.open:
            self.views[-1] += data
            if ("u", None) in self.open:
                self.underlined[-1] += data


def parsed(html):
    checked = Checked()
    checked.feed(html)
    checked.close()
    assert checked.open == []
    return checked


def passive(spans=(), abstained="", log10_p=-2.5):
    return Detection("fast:v1", 1.0, log10_p, math.nan, 90, 100, {}, spans=spans, abstained=abstained)


@pytest.fixture(scope="module")
def page_of(marks):
    """Return a function from texts to the page about them, with or without a mark; the model is loaded once for each."""
    pages = {True: DetectPage(marks[:1], device="cpu"), False: DetectPage([], device="cpu")}

    def page(*documents, mark=False):
        chosen = pages[mark]
        chosen._documents.clear()
        for name, text, decision, detections in documents:
            chosen.add(name, text, decision, detections)
        return chosen.render()

    page.scorer_model = pages[False]._model
    return page


@pytest.fixture(scope="module")
def ordinary(page_of, marks, greenest):
    """Return a page of a text that carries a mark in its middle and has another stretch from a classifier, and what it shows."""
    sea = "The sea was calm. Nobody spoke of it. "
    text = sea * 8 + greenest + " " + sea * 8
    detections = MarkDetector([marks[0]], spans=True).detect([text])[0]
    passive_span = Span(18, 36, 0, 0, 0, 0, -2.5)
    detections.append(passive((passive_span,)))
    decision = Threshold().decide(detections)
    return text, detections, page_of(("first", text, decision, detections), mark=True)


@pytest.fixture(scope="module")
def hostile(page_of):
    reasons = Decision("abstain", None, 0, (f"fast: {HOSTILE}",))
    one = (HOSTILE, HOSTILE, reasons, [passive(abstained=HOSTILE)])
    return page_of(one, ("", "", ABSTAINED, []), mark=True)


def test_hostile_text_names_and_reasons_stay_text(hostile):
    checked = parsed(hostile)
    assert not {"script", "img"} & set(checked.met)
    assert not [name for name, _ in checked.attributes if name.startswith("on")]
    shown = HOSTILE.replace("\x00", "\ufffd").replace(SURROGATE, "\ufffd").replace("\r\n", " \n").replace("\r", "\n")
    assert checked.views == [shown, shown]
    assert "{{ 7 * 7 }}" in hostile
    hostile.encode("utf-8")


def test_nothing_comes_from_outside_and_every_link_has_its_target(hostile):
    checked = parsed(hostile)
    links = [value for name, value in checked.attributes if name in ("src", "href", "data", "srcset")]
    ids = [value for name, value in checked.attributes if name == "id"]
    assert links == ["#d1", "#d2"]
    assert ids == ["d1", "d2"]
    assert not {"link", "iframe", "object", "embed"} & set(checked.met)
    assert "url(" not in hostile
    assert "@import" not in hostile


def test_one_document_has_no_index_and_none_is_said(page_of):
    assert "<a " not in page_of(("only", "A text.", ABSTAINED, []))
    assert "No document was read." in page_of()


def test_the_key_is_not_on_the_page(ordinary):
    html, key = ordinary[2], bytes(range(32))
    assert key.hex() not in html
    assert key.hex()[:16] not in html
    assert "AAECAwQF" not in html  # its base 64


def test_each_detection_is_underlined_in_its_own_view(ordinary):
    text, detections, html = ordinary
    checked = parsed(html)
    assert checked.views == [text, text]
    (span,) = detections[0].spans
    assert checked.underlined[0].strip() == text[span.start : span.stop].strip()
    assert checked.underlined[1].strip() == text[18:36].strip() == "Nobody spoke of it"


def test_tokens_are_as_green_as_the_detector_counted(ordinary):
    _, detections, html = ordinary
    colors = [attributes["class"] for view, attributes in parsed(html).tokens if view == 0]
    assert colors.count("g") == detections[0].statistic
    assert colors.count("g") + colors.count("r") == detections[0].n_scored
    assert f"{colors.count('g')} of {detections[0].n_scored} scored tokens are green" in html


def test_without_marks_there_is_no_green(page_of):
    html = page_of(("a", "The cat sat on the mat.", ABSTAINED, []))
    assert len(parsed(html).views) == 1
    assert "Green and red" not in html


def test_every_rank_and_probability_is_that_of_a_plain_forward_pass(page_of):
    """Oracle: transformers' own logits behind the start token; rank is one plus the logits above the token's."""
    text = "When in the course of human events it becomes necessary, people write declarations about owls."
    loaded = page_of.scorer_model
    ids = loaded.text_tokenizer.backend.encode(text, add_special_tokens=False).ids
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([[loaded.tokenizer.bos_token_id, *ids]])).logits[0, :-1].double()
    own = logits[torch.arange(len(ids)), ids]
    ranks = (1 + (logits > own[:, None]).sum(1)).tolist()
    chances = (own - logits.logsumexp(1)).exp().tolist()
    tokens = parsed(page_of(("a", text, ABSTAINED, []))).tokens
    assert len(tokens) == len(ids)
    for (_, attributes), rank, chance in zip(tokens, ranks, chances, strict=True):
        found = re.fullmatch(r"rank ([\d,]+) of 8,192, p = (.+)", attributes["title"])
        assert found
        assert int(found[1].replace(",", "")) == rank
        mantissa, _, power = found[2].partition(" \N{MULTIPLICATION SIGN} 10")
        exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
        assert float(mantissa) * 10**exponent == pytest.approx(chance, rel=0.051)
        assert attributes["class"] == f"h{min(11, 1 + int(11 * math.log(rank) / math.log(8192))) if rank > 1 else 0}"
    shares = [round(100 * np.mean([low <= rank < high for rank in ranks])) for low, high in ((1, 11), (11, 101))]
    assert f"Rank 1 to 10: {shares[0]}%, 11 to 100: {shares[1]}%, " in page_of(("a", text, ABSTAINED, []))


def luminance(color):
    """Return WCAG 2.2's relative luminance of #rgb or #rrggbb, from its definition."""
    digits = color[1:] if len(color) == 7 else "".join(2 * c for c in color[1:])
    srgb = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_every_colour_has_a_contrast_of_at_least_four_and_a_half(ordinary, theme):
    style = re.search(r"<style>(.*?)</style>", ordinary[2], flags=re.DOTALL)[1]
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", light))
    if theme == "dark":
        colors |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", dark))
    assert [colors[f"h{i}"] for i in range(12)] == list(LIGHT if theme == "light" else DARK)
    pairs = [(f"h{i}", f"k{i}") for i in range(12)]
    pairs += [("green", "on-green"), ("red", "on-red"), ("paper", "ink"), ("paper", "muted"), ("paper", "found")]
    assert {
        pair: contrast(*(colors[name] for name in pair)) for pair in pairs if contrast(*map(colors.get, pair)) < 4.5
    } == {}


def test_ten_megabytes_are_cut_and_the_page_says_so(page_of, marks):
    text = "It was the best of times, it was the worst of times. " * 190_000
    html = page_of(("a", text, ABSTAINED, []), mark=True)
    checked = parsed(html)
    shown = len(checked.views[0])
    assert checked.views == [text[:shown], text[:shown]]
    assert 0 < shown <= MAX_CHARACTERS
    assert f"The text has {len(text):,} characters; the first {shown:,} are shown" in html
    assert sum(view == 1 for view, _ in checked.tokens) == 4000


def test_no_view_costs_more_bytes_a_token_than_planned(page_of, greenest):
    for text in (greenest, "The cat sat on the mat, and there it sat. " * 40):  # much is scored; next to nothing is
        html = page_of(("a", text, ABSTAINED, []), mark=True)
        views = re.findall(r'<div class="text" dir="auto">(.*?)</div>', html, flags=re.DOTALL)
        n_tokens = views[1].count("<i ")
        assert [len(view.encode("utf-8")) / n_tokens <= most for view, most in zip(views, (55, 70), strict=True)] == [
            True
        ] * 2


@pytest.mark.slow
def test_fifty_long_documents_stay_below_five_megabytes(page_of, greenest):
    decision = Decision("not_detected", -1.0, 1)
    html = page_of(*((f"document {i}", greenest * 10, decision, [passive()]) for i in range(50)), mark=True)
    assert len(html.encode("utf-8")) < 5e6
    assert "50 documents: 50 not detected." in html
    assert all(len(view) > 2000 for view in parsed(html).views)


def test_an_empty_text_and_one_token_are_shown(page_of):
    html = page_of(("a", "", ABSTAINED, []), ("b", "I", ABSTAINED, []))
    assert "The text is empty." in html
    assert parsed(html).views == ["I"]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision("detected", -3.0, 1), "Detected. Tested: fast:v1; p = 1.0 \N{MULTIPLICATION SIGN} 10⁻³."),
        (
            Decision("detected", -3.0, 2),
            "Detected. Tested: fast:v1. Corrected for the number of tests (times 2), p = 1.0 \N{MULTIPLICATION SIGN} 10⁻³.",
        ),
        (
            Decision("not_detected", -0.5, 1),
            "Not detected. Tested: fast:v1; p = 0.32. That is no evidence that a person wrote it.",
        ),
        (ABSTAINED, "No verdict: nothing could be tested. That is neither a yes nor a no."),
        (
            Decision("abstain", -1.0, 1, ("why",)),
            "No verdict. Tested: fast:v1; p = 0.10. That is neither a yes nor a no.",
        ),
    ],
)
def test_the_verdict_is_a_sentence_that_names_what_was_tested(decision, expected):
    said = sentence(decision, [passive(), passive(abstained="too short")])
    assert said.replace("\N{NO-BREAK SPACE}", " ") == expected


def test_reasons_abstentions_and_warnings_stand_on_the_page(page_of):
    warned = Detection("greenlist:m", 1, -9.0, 0, 40, 50, {}, warnings=("one key looked at",))
    html = page_of(("a", "Some text.", ABSTAINED, [passive(abstained="too few words"), warned]))
    for words in (
        "<li>fast: too short</li>",
        "says nothing: too few words",
        "one key looked at",
        "40 of 50",
        "1.0 \N{MULTIPLICATION SIGN} 10⁻⁹",
    ):
        assert words in html


def test_a_file_that_cannot_be_written_is_one_line(tmp_path, marks):
    page = DetectPage([], device="cpu")
    page.add("a", "Some text.", ABSTAINED, [])
    with pytest.raises(DataError, match=r"^cannot write to .*/none/page.html: No such file or directory; name a file"):
        page.write(tmp_path / "none" / "page.html")
    page.write(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
