"""Tests of `radiusmfa.enrol.xmltree`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import xmltree
from radiusmfa.enrol.records import LARGEST_FILE, FieldError

if TYPE_CHECKING:
    from pathlib import Path

LAUGHS = (
    '<!DOCTYPE a [<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(9))
    + "]><a>&l9;</a>"
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("<!DOCTYPE a><a/>", id="a DOCTYPE alone"),
        pytest.param('<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>', id="an external DTD"),
        pytest.param('<!DOCTYPE a PUBLIC "a" "file:///etc/passwd"><a/>', id="a public one"),
        pytest.param('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', id="an entity"),
        pytest.param(
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            id="an external entity",
        ),
        pytest.param(
            '<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]><a/>',
            id="a parameter entity",
        ),
        pytest.param(LAUGHS, id="entities within entities"),
        pytest.param('<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>', id="a default attribute"),
        pytest.param('<?xml version="1.0"?>\n\n<!DOCTYPE a><a/>', id="after a declaration"),
        pytest.param("<!-- a --><!DOCTYPE a><a/>", id="after a comment"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_doctype_is_refused(content: str, encoding: str) -> None:
    """Whatever declares entities is refused at its first word: nothing is expanded or opened."""
    with pytest.raises(FieldError, match="it holds a DOCTYPE"):
        xmltree.read(content.encode(encoding))


def test_file_of_an_external_entity_is_not_read(tmp_path: Path) -> None:
    """The text of another file never comes into the tree, nor into the error."""
    secret = tmp_path / "secret"
    secret.write_text("correct horse", encoding="utf-8")
    content = f'<!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]><a>&b;</a>'
    with pytest.raises(FieldError) as caught:
        xmltree.read(content.encode())
    assert "correct" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"a", id="no XML"),
        pytest.param(b"<a>", id="not closed"),
        pytest.param(b"<a></b>", id="closed by another name"),
        pytest.param(b"<a/><b/>", id="two roots"),
        pytest.param(b"<a>&b;</a>", id="an entity that nobody declared"),
        pytest.param(b"<a b='1' b='2'/>", id="an attribute twice"),
        pytest.param(b"<a>\xff</a>", id="no UTF-8"),
        pytest.param(b"<a>\0</a>", id="NUL"),
        pytest.param(b"<b:a/>", id="a prefix without namespace"),
        pytest.param(b"\xff\xfe<\0a\0", id="cut UTF-16"),
    ],
)
def test_damaged_file_is_refused_with_its_line(content: bytes) -> None:
    """What is not well-formed is refused; the line is told, the content is not."""
    with pytest.raises(FieldError, match=r"not well-formed XML \(line 1\)"):
        xmltree.read(content)


@pytest.mark.parametrize("name", ["klingon", "utf-7", "base64_codec", "rot13", "idna", "cp037"])
def test_unknown_encoding_is_refused(name: str) -> None:
    """An encoding that the XML reader does not know is refused, whatever Python knows of it."""
    content = f'<?xml version="1.0" encoding="{name}"?><a/>'
    with pytest.raises(FieldError, match=r"encoding that is not known|not well-formed"):
        xmltree.read(content.encode())


def test_depth_size_and_number_are_bounded() -> None:
    """A file deeper, larger or of more elements than any real one is refused."""
    with pytest.raises(FieldError, match="deeper"):
        xmltree.read(b"<a>" * 100_000)
    with pytest.raises(FieldError, match="more elements"):
        xmltree.read(b"<a>" + b"<b/>" * 1_000_001 + b"</a>")
    with pytest.raises(FieldError, match="larger than 16 MiB"):
        xmltree.read(b" " * (LARGEST_FILE + 1))


def test_tree_is_found_by_names() -> None:
    """Elements are found by their names without prefix, texts are trimmed, lines are known."""
    root = xmltree.read(
        b'<p:a xmlns:p="urn:p" p:x="1" y="2">\n <b> one <!-- no --><c/> two </b>\n'
        b"<b>three</b><![CDATA[<d>]]></p:a>"
    )
    assert (root.name, root.namespace, root.line) == ("a", "urn:p", 1)
    assert root.attributes == {"x": "1", "y": "2"}
    assert [(child.text, child.line) for child in root.all("b")] == [("one  two", 2), ("three", 3)]
    found = root.find("b/c")
    assert found is not None
    assert (found.name, found.text, found.namespace) == ("c", "", "")
    assert root.find("b/d") is None
    assert root.find("d/c") is None
    assert (root.text_at("b"), root.text_at("nowhere")) == ("one  two", "")
    assert root.text == "<d>"


@given(st.one_of(st.binary(max_size=80), st.text('<>/&;!a="[]- ', max_size=60).map(str.encode)))
def test_any_octets_are_a_tree_or_an_error(content: bytes) -> None:
    """Whatever a file holds: a root element, or the documented error."""
    try:
        root = xmltree.read(content)
    except FieldError:
        return
    assert root.name
