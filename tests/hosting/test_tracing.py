"""W3C Trace Context, and what callers call their requests."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriptmode.hosting.tracing import Trace

# The examples of the specification, sections 3.2.2.3 and 3.2.2.5.
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_callers_trace_goes_on() -> None:
    trace = Trace.of({"traceparent": PARENT})
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (trace.parent_id, trace.flags) == ("00f067aa0ba902b7", "01")
    assert trace.span_id != trace.parent_id


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert Trace.of({"traceparent": f"cc{PARENT[2:]}-what"}).trace_id == PARENT[3:35]


@pytest.mark.parametrize(
    "parent",
    [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        f"{PARENT}-more",
        "",
    ],
)
def test_what_is_no_trace_starts_one(parent: str) -> None:
    trace = Trace.of({"traceparent": parent})
    assert trace.parent_id is None
    assert trace.trace_id.lower() not in parent.lower() or not parent


@given(st.text())
def test_any_header_gives_a_trace_that_others_can_read(parent: str) -> None:
    trace = Trace.of({"traceparent": parent})
    told = f"00-{trace.trace_id}-{trace.span_id}-{trace.flags}"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", told)


def test_the_id_is_the_callers_by_the_order_of_names() -> None:
    headers = {"x-ms-client-request-id": "c", "x-request-id": "b"}
    assert Trace.of(headers).request_id == "b"
    assert Trace.of({**headers, "x-amzn-sagemaker-inference-id": "a"}).request_id == "a"


@given(st.text(min_size=1))
def test_an_id_can_neither_break_a_line_nor_a_header(told: str) -> None:
    request_id = Trace.of({"x-request-id": told}).request_id
    assert re.fullmatch(r"[\x20-\x7e]{1,128}", request_id)
