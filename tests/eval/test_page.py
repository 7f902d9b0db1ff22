"""The page is well-formed, whole without a network, and whatever a text holds is text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from assay.eval.page import render

VOID = {"meta", "link", "br", "img", "hr", "input"}
HOSTILE = "Say <script>alert('&')</script> </div><img src=x onerror=alert(1)> \u202e\u05e9\u05dc\u05d5\u05dd\u202c 😀 a\x00b \"q\" "


class Checked(HTMLParser):
    """Keeps the open elements, what was met, and the text of the element with class `text`."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.met, self.attributes, self.text, self._inside = [], [], [], "", 0

    def handle_starttag(self, tag, attrs):
        self.met.append(tag)
        self.attributes += attrs
        if tag in VOID:
            return
        self.open.append(tag)
        if ("class", "text") in attrs:
            self._inside = len(self.open)

    def handle_startendtag(self, tag, attrs):
        self.met.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        if len(self.open) < self._inside:
            self._inside = 0

    def handle_data(self, data):
        if self._inside:
            self.text += data


def parsed(html):
    checked = Checked()
    checked.feed(html)
    checked.close()
    assert checked.open == []
    return checked


@pytest.fixture(scope="module")
def hostile(examine):
    findings = examine(HOSTILE * 3, HOSTILE, HOSTILE * 2, title='<script>title</script>, a "book"')
    return findings, render(findings, Path("/tmp/a b;<i>"))


@pytest.fixture(scope="module")
def ordinary(examine, greenest):
    findings = examine(greenest, greenest[: len(greenest) // 2], "The sea was calm. Nobody spoke of it. " * 8)
    return findings, render(findings, Path("demo"))


def test_hostile_text_stays_text(hostile):
    findings, html = hostile
    checked = parsed(html)
    assert "script" not in checked.met
    assert "img" not in checked.met
    assert not [name for name, _ in checked.attributes if name.startswith("on")]
    assert checked.text == findings.trace.text.replace("\x00", "\ufffd")


def test_hostile_names_are_escaped(hostile):
    _, html = hostile
    assert "<script" not in html
    assert "&lt;script&gt;title" in html
    assert "&#39;/tmp/a b;&lt;i&gt;&#39;/mark.toml" in html  # quoted for the shell, then for HTML


def test_nothing_comes_from_outside(ordinary):
    checked = parsed(ordinary[1])
    references = [
        value for name, value in checked.attributes if name in ("src", "href", "xlink:href", "data", "srcset")
    ]
    assert all(value.startswith("#") for value in references)
    assert not {"link", "script", "iframe", "object", "embed"} & set(checked.met)
    assert "@import" not in ordinary[1]
    assert not re.search(r"url\((?!#)", ordinary[1])


def test_ids_are_unique(ordinary):
    ids = [value for name, value in parsed(ordinary[1]).attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 0


def test_every_reference_inside_the_charts_has_its_target(ordinary):
    html = ordinary[1]
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    assert set(re.findall(r'(?:url\(#|xlink:href="#)([^")]+)', html)) <= ids


def test_found_and_pasted_stand_on_it(ordinary):
    findings, html = ordinary
    assert findings.spans
    assert f"Pasted: characters {findings.truth[0]} to {findings.truth[1]}." in html
    for span in findings.spans:
        assert f"Found: characters {span.start} to {span.stop}, {span.green} green of {span.n_scored} scored" in html


def test_the_colours_of_the_charts_follow_the_page(ordinary):
    charts = "".join(re.findall(r"<svg.*?</svg>", ordinary[1], flags=re.DOTALL))
    assert "var(--spliced)" in charts
    assert set(re.findall(r"#[0-9a-f]{6}\b", charts)) <= {"#000000", "#ffffff"}


def test_the_same_findings_give_the_same_page(ordinary):
    assert render(ordinary[0], Path("demo")) == ordinary[1]
