"""The texts of the pages, as OpenStack's jobs for translators find them."""

import re
from pathlib import Path

import pytest
from babel.messages import extract, frontend

PACKAGE = Path(__file__).resolve().parents[2]
#: The keywords that the jobs give to Babel beside its own.
KEYWORDS = {"gettext_noop": None, "gettext_lazy": None, "ngettext_lazy": (1, 2)}
#: Texts between the tags of a template that are the same in every language.
UNTRANSLATED = {"CSV"}


def found() -> set[str]:
    """Return the texts that Babel finds with the plugin's configuration."""
    pytest.importorskip("horizon.utils.babel_extract_django", reason="Horizon is too old")
    with (PACKAGE.parent / "babel-django.cfg").open() as file:
        methods, options = frontend.parse_mapping_cfg(file)
    keywords = {**extract.DEFAULT_KEYWORDS, **KEYWORDS}
    texts: set[str] = set()
    for _file, _line, text, _comments, _context in extract.extract_from_dir(
        PACKAGE, methods, options, keywords
    ):
        texts.update([text] if isinstance(text, str) else text)
    return texts


def test_texts_of_modules_and_templates_are_found():
    texts = found()
    assert {
        # A lazy text, one of a function, a plural, and those of templates.
        "Jobs of Image Sync",
        "Nothing is to be done.",
        "%s conflicts",
        "Bring in order",
        "Undo it (%(number)s)",
    } <= texts
    for text in texts:
        assert not re.search(r"%[^%(sd ]", text), text


def test_each_text_of_a_template_is_translated():
    left = {}
    for file in sorted((PACKAGE / "templates").rglob("*.html")):
        text = re.sub(r"{%\s*blocktrans.*?endblocktrans\s*%}", "", file.read_text(), flags=re.S)
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", text, flags=re.S)
        # A part of a page may begin within a tag.
        text = re.sub(r"\A[^<>]*>|<style>.*?</style>|<[^>]*>", "\n", text, flags=re.S)
        words = {one.strip() for one in text.splitlines() if re.search(r"[A-Za-z]{2}", one)}
        left[file.name] = words - UNTRANSLATED
    assert {name: words for name, words in left.items() if words} == {}
