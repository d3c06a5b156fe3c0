"""What came back from a script, for assertions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_SHOWN = 200


@dataclass(frozen=True)
class Reply:
    """What came back, with what an assertion wants to know of it.

    Args:
        status: as in HTTP.
        content_type: of the body.
        body: the bytes that a caller would receive.
        error: the exception behind a status other than 200, with its traceback.
    """

    status: int
    content_type: str
    body: bytes
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether the request was answered."""
        return self.status == 200  # noqa: PLR2004 - OK

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as strict JSON.

        Raises:
            ValueError: it is not.
        """
        return json.loads(self.body, parse_constant=_refuse_constant)

    def raise_for_status(self) -> Reply:
        """This reply if the request was answered.

        Raises:
            Exception: the one behind the status, if there is one.
        """
        if self.error is not None:
            raise self.error
        return self

    def __repr__(self) -> str:
        shown = self.body[:_SHOWN]
        more = f" and {len(self.body) - _SHOWN} more bytes" if len(self.body) > _SHOWN else ""
        return f"<Reply {self.status} {self.content_type} {shown!r}{more}>"


def _refuse_constant(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")
