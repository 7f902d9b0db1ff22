"""What every page must be: well-formed, whole without a network, with one target for each reference."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr", "input", "wbr"}


class Page(HTMLParser):
    """Keeps what was met, and the texts of table cells."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.html, self.open, self.met, self.attributes, self.cells, self.text = html, [], [], [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.met.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        self.met.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data.replace("\N{NO-BREAK SPACE}", " ")

    def values(self, name):
        return [value for key, value in self.attributes if key == name]


def assert_whole(html):
    """Check that a page loads nothing, runs nothing, and refers to what it has; return it parsed."""
    page = Page(html)
    assert not {"link", "script", "iframe", "object", "embed", "img"} & set(page.met)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for name in ("src", "href", "xlink:href", "data", "srcset"):
        assert all(value.startswith("#") for value in page.values(name))
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    ids = page.values("id")
    assert len(ids) == len(set(ids)) > 0
    wanted = {v.removeprefix("#") for name in ("href", "xlink:href") for v in page.values(name)}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", html)) | set(page.values("aria-labelledby"))
    assert wanted <= set(ids)
    return page
