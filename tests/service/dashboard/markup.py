"""Reads pages as browsers do, strictly: tags must balance, ids be unique, references lead somewhere."""

from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "input", "br", "hr", "rect", "path", "circle"}
_REFERENCES = ("aria-labelledby", "aria-describedby", "for", "popovertarget")


class Page(HTMLParser):
    """A page. Raises AssertionError where the markup is not sound."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.inline_code: list[str] = []
        self._open: list[str] = []
        self._references: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        missing = [reference for reference in self._references if reference not in self.ids]
        assert not missing, f"references to ids that do not exist: {missing}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.text += " "
        assert len(values) == len(attrs), f"an attribute of <{tag}> is there twice"
        if (own_id := values.get("id")) is not None:
            assert own_id not in self.ids, f"the id {own_id} is there twice"
            self.ids.add(own_id)
        for name in _REFERENCES:
            self._references += (values.get(name) or "").split()
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        self.inline_code += [name for name in values if name.startswith("on") or name == "style"]
        if tag == "script" and "src" not in values:
            self.inline_code.append("script")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._open, f"</{tag}> closes nothing"
        opened = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())
