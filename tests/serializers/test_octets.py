from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriptmode.errors import MalformedBodyError, NotAcceptableError
from scriptmode.serializers.octets import Octets
from tests.serializers.checks import BINARY


@given(st.binary(), st.sampled_from(BINARY))
def test_bytes_pass_untouched_in_both_directions(raw: bytes, kind: Any) -> None:
    decoded = Octets().decode(kind(raw), {})
    encoded = Octets().encode(kind(raw), {})
    assert type(decoded) is type(encoded) is bytes
    assert decoded == encoded == raw


def test_decoded_text_is_read_as_utf8() -> None:
    assert Octets().decode("é", {}) == b"\xc3\xa9"


def test_the_charset_of_bytes_is_of_no_matter() -> None:
    assert Octets().decode(b"\xff\xfe", {"charset": "klingon"}) == b"\xff\xfe"


def test_a_buffer_of_other_items_is_its_bytes() -> None:
    numbers: Any = np.array([1, 2], dtype="<u2")
    assert Octets().decode(memoryview(numbers), {}) == b"\x01\x00\x02\x00"


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(MalformedBodyError):
        Octets().decode("\ud800", {})


@pytest.mark.parametrize("value", ["text", 1, None, [1], np.array([1], dtype=np.uint8), {"a": b""}])
def test_what_is_not_bytes_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError, match=type(value).__name__):
        Octets().encode(value, {})
