"""XML from anywhere, read into a small tree: no DOCTYPE, no entities, bounded depth and size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from radiusmfa.enrol.records import LARGEST_FILE, FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST: Final = 32  # a PSKC file is 9 deep
_MOST_ELEMENTS: Final = 1_000_000


@dataclass(slots=True)
class Element:
    """
    One element.

    Attributes:
        name: Without prefix or namespace.
        namespace: Its URI, empty if there is none.
        attributes: By name without namespace.
        line: Where it begins.
    """

    name: str
    namespace: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list, repr=False)

    @property
    def text(self) -> str:
        """Return the text directly inside, trimmed."""
        return "".join(self._texts).strip()

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children called *name*."""
        return (child for child in self.children if child.name == name)

    def find(self, path: str) -> Element | None:
        """Return the first element at *path*, names with slashes between, or None."""
        found: Element | None = self
        for name in path.split("/"):
            found = next(found.all(name), None) if found is not None else None
        return found

    def text_at(self, path: str) -> str:
        """Return the text at *path*, empty if there is no such element."""
        found = self.find(path)
        return "" if found is None else found.text


def read(content: bytes) -> Element:
    """
    Return the root element of *content*.

    Raises:
        FieldError: Not XML; larger, deeper or of more elements than any real file; or
            with a DOCTYPE, in which entities would be declared that grow without
            bound or read other files.
    """
    if len(content) > LARGEST_FILE:
        msg = f"larger than {LARGEST_FILE // 2**20} MiB"
        raise FieldError(msg)
    builder = _Builder()
    try:
        builder.parser.Parse(content, True)  # noqa: FBT003 - expat takes it by position
    except expat.ExpatError as error:
        msg = f"not well-formed XML (line {error.lineno})"
        raise FieldError(msg) from None
    except (ValueError, LookupError) as error:
        if isinstance(error, FieldError):
            raise
        raise FieldError("XML in an encoding that is not known here") from None
    return builder.root.children[0]


class _Builder:
    def __init__(self) -> None:
        self.root = Element("", "", {}, 0)
        self._open = [self.root]
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse(self, *_: object) -> None:
        raise FieldError("it holds a DOCTYPE, which is refused: remove it if the file is yours")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) > _DEEPEST:
            raise FieldError("more elements, or deeper ones, than any real file has")
        namespace, _, local = name.rpartition(" ")
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        element = Element(local, namespace, plain, self.parser.CurrentLineNumber)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1]._texts.append(text)  # noqa: SLF001 - same module
