"""Services that ask people their security questions: nobody outside has a part in it."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Final

from radiusmfa.config.service_model import Questions

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

_SETTINGS: Final = tuple(field.name for field in dataclass_fields(Questions))
_OF_OTHERS: Final = ("ca_file", "proxy", "timeout", "limits", "open_until")


def read(fields: Fields, _sources: Sources, _warnings: list[str]) -> Questions:
    """
    Return what the file says of questions.

    Args:
        fields: The entry of the service.
    """
    for name in _OF_OTHERS:
        if fields.has(name):
            fields.fault(name, "has no meaning: nobody outside is asked")
    inside, usual = fields.section(Questions.word, _SETTINGS), Questions()
    return Questions(ask=inside.integer("ask", usual.ask, low=1, high=5))
