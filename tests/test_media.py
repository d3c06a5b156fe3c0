from __future__ import annotations

import gc
import itertools
import pickle
import re
import string
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.errors import NotAcceptableError, UnsupportedMediaTypeError
from scriptmode.handlers.intake import Intake
from scriptmode.media import Offers, parse, parse_accept
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.npy import NPY
from scriptmode.serializers.npz import NPZ
from scriptmode.serializers.octets import Octets
from scriptmode.serializers.text import Text

if TYPE_CHECKING:
    from random import Random

NOTHING: frozenset[str] = frozenset()
HEADER = frozenset({"header"})


def quality(accept: str, media_type: str) -> float:
    """What RFC 9110 section 12.5.1 associates with a media type."""
    offer = parse(media_type)
    return max(parse_accept(accept), key=lambda one: one.specificity(offer, NOTHING)).quality


# RFC 9110 section 12.5.1


# The last row is the corrected one of verified erratum 7138: no range but text/* covers it.
SECTION_12_5_1 = (
    "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4,"
    " */*;q=0.5"
)
QUALITIES = {
    "text/plain;format=flowed": 1.0,
    "text/plain": 0.7,
    "text/html": 0.3,
    "image/jpeg": 0.5,
    "text/plain;format=fixed": 0.4,
    "text/html;level=3": 0.3,
}

# The same section of RFC 7231 (5.3.2), with other types.
RFC_7231 = "text/*;q=0.3, text/html;q=0.7, text/html;level=1, text/html;level=2;q=0.4, */*;q=0.5"
RFC_7231_QUALITIES = {
    "text/html;level=1": 1.0,
    "text/html": 0.7,
    "text/plain": 0.3,
    "image/jpeg": 0.5,
    "text/html;level=2": 0.4,
    "text/html;level=3": 0.7,
}


@pytest.mark.parametrize(("media_type", "expected"), QUALITIES.items())
def test_the_quality_table_of_rfc_9110(media_type: str, expected: float) -> None:
    assert quality(SECTION_12_5_1, media_type) == expected


@pytest.mark.parametrize(("media_type", "expected"), RFC_7231_QUALITIES.items())
def test_the_quality_table_of_rfc_7231(media_type: str, expected: float) -> None:
    assert quality(RFC_7231, media_type) == expected


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (one, other)
        for one, other in itertools.permutations(QUALITIES, 2)
        if QUALITIES[one] > QUALITIES[other]
    ],
)
def test_the_better_of_two_offers_of_the_quality_table_is_chosen(better: str, worse: str) -> None:
    assert Offers([worse, better]).choose(SECTION_12_5_1).offer == 1
    assert Offers([better, worse]).choose(SECTION_12_5_1).offer == 0


def test_precedence_follows_specificity() -> None:
    ranges = parse_accept("text/*, text/plain, text/plain;format=flowed, */*")
    offer = parse("text/plain;format=flowed")
    ranked = sorted(ranges, key=lambda one: one.specificity(offer, NOTHING), reverse=True)
    assert [str(one.media_type) for one in ranked] == [
        "text/plain; format=flowed",
        "text/plain",
        "text/*",
        "*/*",
    ]


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        (["audio/basic", "audio/mp3"], 0),
        (["audio/mp3", "audio/basic"], 1),
        (["text/html", "audio/mp3"], 1),
    ],
)
def test_i_prefer_audio_basic_but_send_any_audio(offers: list[str], chosen: int) -> None:
    assert Offers(offers).choose("audio/*; q=0.2, audio/basic").offer == chosen


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        (["text/plain", "text/html"], 1),
        (["text/plain", "text/x-c"], 1),
        (["text/plain", "text/x-dvi"], 1),
        (["image/png", "text/plain"], 1),
        (["text/html", "text/x-c"], 0),
        (["text/x-c", "text/html"], 0),
    ],
)
def test_html_and_c_are_preferred_to_dvi_and_dvi_to_plain(offers: list[str], chosen: int) -> None:
    accept = "text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c"
    assert Offers(offers).choose(accept).offer == chosen


@pytest.mark.parametrize("accept", [None, "", " ", ",", " ,\t, "])
def test_no_preference_takes_the_first_offer(accept: str | None) -> None:
    assert Offers(["text/csv", "application/json"]).choose(accept) == (0, {})


# Specificity


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", 0),
        ("text/*", 1),
        ("text/plain", 2),
        ("text/plain;format=flowed", 3),
        ("text/plain;format=flowed;delsp=yes", 4),
        ("text/plain;format=fixed", -1),
        ("text/plain;format=flowed;delsp=no", -1),
        ("text/html", -1),
        ("image/*", -1),
    ],
)
def test_specificity_counts_what_a_range_names(accept: str, expected: int) -> None:
    (media_range,) = parse_accept(accept)
    offer = parse("text/plain;format=flowed;delsp=yes")
    assert media_range.specificity(offer, NOTHING) == expected


@pytest.mark.parametrize("accept", ["text/csv;header=absent", "text/csv;header=present"])
def test_an_understood_parameter_covers_an_offer_without_it(accept: str) -> None:
    (media_range,) = parse_accept(accept)
    assert media_range.specificity(parse("text/csv"), HEADER) == 3
    assert media_range.specificity(parse("text/csv"), NOTHING) == -1


@pytest.mark.parametrize("accept", ["text/*;level=1", "*/*;level=1"])
def test_a_wildcard_with_a_parameter_covers_only_offers_with_it(accept: str) -> None:
    assert Offers(["text/html", "text/html;level=1"]).choose(accept).offer == 1
    with pytest.raises(NotAcceptableError):
        Offers(["text/html"]).choose(accept)


# Reading a media type


@pytest.mark.parametrize(
    "header",
    ["text/html;charset=utf-8", 'Text/HTML;Charset="utf-8"', 'text/html; charset="utf-8"'],
)
def test_the_equivalent_media_types_of_rfc_9110_section_8_3_1(header: str) -> None:
    assert parse(header) == parse("text/html;charset=utf-8")
    assert parse(header) == ("text", "html", {"charset": "utf-8"})
    assert parse(header).essence == "text/html"


@pytest.mark.parametrize(
    ("header", "params"),
    [
        ("text/plain;", {}),
        ("text/plain; ; ;", {}),
        ("text/plain;;a=b", {"a": "b"}),
        ("text/plain ; ;\ta=b ; ", {"a": "b"}),
        ("text/plain;a=b;;c=d;", {"a": "b", "c": "d"}),
    ],
)
def test_empty_parameters_of_rfc_9110_section_5_6_6(header: str, params: dict[str, str]) -> None:
    assert parse(header) == ("text", "plain", params)
    assert parse_accept(header) == ((("text", "plain", params), 1.0),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('""', ""),
        ('"a b"', "a b"),
        ('"a,b;c=d"', "a,b;c=d"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"back\\slash"', r"back\slash"),
        (r'"need\less"', "needless"),
        ('"tab\there"', "tab\there"),
        ('"Café"', "Café"),
        ("Token!#$%&'*+-.^_`|~9", "Token!#$%&'*+-.^_`|~9"),
    ],
)
def test_parameter_values_are_unquoted_and_keep_their_case(written: str, value: str) -> None:
    assert parse(f"text/plain; Title={written}").params == {"title": value}


@pytest.mark.parametrize("control", ["\n", "\r", "\r\nX-Injected: 1", "\0", "\x7f"])
def test_a_quoted_string_holds_no_control_characters(control: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        parse(f'text/csv; title="a{control}b"')
    with pytest.raises(NotAcceptableError):
        parse_accept(f'text/csv; title="a{control}b"')


@pytest.mark.parametrize(
    ("header", "suffix"),
    [
        ("application/geo+json", "json"),
        ("application/vnd.api+json; version=1", "json"),
        ("application/a+b+XML", "xml"),
        ("application/json", None),
    ],
)
def test_the_structured_suffix_is_what_follows_the_last_plus(
    header: str, suffix: str | None
) -> None:
    assert parse(header).suffix == suffix


MALFORMED = {
    "no subtype": "text",
    "no subtype after the slash": "text/",
    "no type": "/csv",
    "space before the slash": "text /csv",
    "space after the slash": "text/ csv",
    "two subtypes": "text/csv/csv",
    "a parameter without a value": "text/csv; header",
    "a parameter without a name": "text/csv; =absent",
    "an empty unquoted value": "text/csv; header=",
    "a value of two words": "text/csv; title=a b",
    "an unclosed quote": 'text/csv; title="a',
    "a quote closed by an escape": r'text/csv; title="a\"',
    "text after a quoted string": 'text/csv; title="a"b',
    "single quotes are no quotes": "text/csv; title='a b'",
    "one parameter twice": "text/csv; header=absent; Header=present",
    "a line break": "text/csv\n",
    "a null byte": "text/csv\0",
    "not ASCII": "text/çsv",
    "a comma for a semicolon": "text/csv, header=absent",
    "a parameter first": "; header=absent",
    "JSON": '{"a": 1}',
    "a lone surrogate": "\ud800/csv",
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_content_type_is_unsupported(header: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="not a media type") as caught:
        parse(header)
    assert caught.value.status == 415


@pytest.mark.parametrize(
    "header", ["", " ", "*", "*/*", "text/*", "*/csv", "text/csv, text/csv", "text/csv,"]
)
def test_a_list_or_a_range_is_no_content_type(header: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        parse(header)


@pytest.mark.parametrize("header", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_accept_is_not_acceptable(header: str) -> None:
    with pytest.raises(NotAcceptableError, match="not a list of media ranges") as caught:
        parse_accept(header)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    "header",
    [
        "*/csv",
        "text/csv application/json",
        "text/csv; application/json",
        "text/csv, ;",
        "text/csv;q",
        "text/csv;q=",
        "text/csv;q=high",
        "text/csv;q=-1",
        "text/csv;q=+1",
        "text/csv;q=1.001",
        "text/csv;q=2",
        "text/csv;q=0.1234",
        "text/csv;q=1e-1",
        "text/csv;q=nan",
        "text/csv;q=.",
        "text/csv;q=0,5",
        "text/csv;q=\N{ARABIC-INDIC DIGIT ONE}",
        "text/csv;q=1;q=0",
    ],
)
def test_a_malformed_range_or_weight_spoils_the_header(header: str) -> None:
    with pytest.raises(NotAcceptableError):
        parse_accept(f"application/json, {header}")


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ("0", 0.0),
        ("0.", 0.0),
        ("0.000", 0.0),
        ("0.001", 0.001),
        (".2", 0.2),
        ("0.25", 0.25),
        ("1", 1.0),
        ("1.", 1.0),
        ("1.000", 1.0),
    ],
)
@pytest.mark.parametrize("name", ["q", "Q"])
def test_weights(name: str, weight: str, expected: float) -> None:
    assert parse_accept(f"text/csv; {name}={weight}") == ((("text", "csv", {}), expected),)


def test_a_parameter_after_the_weight_is_still_a_parameter() -> None:
    assert parse_accept("text/csv;q=0.5;header=absent") == (
        (("text", "csv", {"header": "absent"}), 0.5),
    )


@pytest.mark.parametrize(
    "header",
    [
        "text/csv,application/json",
        ", text/csv ,, application/json ,",
        "\ttext/csv\t,\tapplication/json\t",
        "text/csv; , application/json ; ",
    ],
)
def test_empty_members_and_blanks_between_ranges_mean_nothing(header: str) -> None:
    assert [str(one.media_type) for one in parse_accept(header)] == ["text/csv", "application/json"]


def test_commas_in_quotes_do_not_separate_ranges() -> None:
    header = r'text/csv;title="a, b/c;q=0";q=0.5, text/plain;title="\",\""'
    assert parse_accept(header) == (
        (("text", "csv", {"title": "a, b/c;q=0"}), 0.5),
        (("text", "plain", {"title": '","'}), 1.0),
    )


# Length


def test_a_long_header_is_read() -> None:
    assert parse(f"text/csv; title={'a' * 4000}").params["title"] == "a" * 4000
    assert len(parse_accept(", ".join(["text/csv"] * 400))) == 400


def test_an_over_long_content_type_is_unsupported_and_not_repeated_in_full() -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        parse(f"text/csv; title={'a' * 100_000}")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("text/csv," * 10_000, id="ranges"),
        pytest.param(f"text/csv; title={'a' * 100_000}", id="parameter"),
    ],
)
def test_an_over_long_accept_is_not_acceptable_and_not_repeated_in_full(header: str) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        parse_accept(header)
    assert len(str(caught.value)) < 500
    with pytest.raises(NotAcceptableError) as caught:
        Offers(["text/csv"]).choose(header)
    assert len(str(caught.value)) < 500
    assert caught.value.supported == ("text/csv",)


# Choosing


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/csv", 0),
        ("TEXT/CSV", 0),
        ("Application/JSON", 1),
        ("text/csv, application/json", 0),
        ("application/json, text/csv", 0),
        ("application/json;q=0.9, text/csv;q=0.8", 1),
        ("application/json;q=0.001", 1),
        ("*/*", 0),
        ("*/*;q=0.1", 0),
        ("application/*", 1),
        ("application/*, text/*;q=0.9", 1),
        ("*/*;q=0.1, application/json;q=0.2", 1),
        ("text/csv;q=0, */*", 1),
        ("*/*, text/csv;q=0.0", 1),
        ("text/*;q=0, */*", 1),
        ("text/*;q=0, text/csv, */*", 0),
        ("application/xml, application/*;q=0.5", 1),
        ("image/png, text/csv;q=0.1", 0),
        ("text/csv;q=0.1, text/csv;title=x", 0),
    ],
)
def test_choosing_between_csv_and_json(accept: str, chosen: int) -> None:
    assert Offers(["text/csv", "application/json"]).choose(accept).offer == chosen


@pytest.mark.parametrize(
    "accept",
    [
        "image/png",
        "*/*;q=0",
        "text/csv;q=0",
        "text/csv;q=0.000, application/json;q=0.",
        "text/*;q=0, application/*;q=0",
        "text/csv;q=0, application/json;q=0, */*",
        "text/csv;title=x",
        "text/csvs",
        "text/csv+json",
    ],
)
def test_what_excludes_every_offer_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match="text/csv, application/json") as caught:
        Offers(["text/csv", "application/json"]).choose(accept)
    assert caught.value.supported == ("text/csv", "application/json")


@pytest.mark.parametrize("header", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_accept_is_told_what_is_offered(header: str) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        Offers(["text/csv", "application/json"]).choose(header)
    assert caught.value.supported == ("text/csv", "application/json")


def test_an_error_names_only_the_advertised_offers() -> None:
    offers = Offers(["text/csv", "application/json", "application/csv"], advertised=2)
    assert offers.choose("application/csv").offer == 2
    with pytest.raises(NotAcceptableError) as caught:
        offers.choose("image/png")
    assert caught.value.supported == ("text/csv", "application/json")
    assert "application/csv" not in str(caught.value)


@pytest.mark.parametrize("accept", ["*/*", "text/csv, application/json", "*/*;q=0.3", None])
def test_ties_are_decided_by_the_order_of_offers(accept: str | None) -> None:
    assert Offers(["application/json", "text/csv"]).choose(accept).offer == 0
    assert Offers(["text/csv", "application/json"]).choose(accept).offer == 0


@pytest.mark.parametrize(
    ("accept", "params"),
    [
        ("text/csv", {}),
        ("text/csv; header=present", {"header": "present"}),
        ('text/csv; HEADER="absent"', {"header": "absent"}),
        ("text/csv; header=present; q=0.5", {"header": "present"}),
        ("text/csv, text/csv;header=present", {"header": "present"}),
        ("text/csv;header=present, text/csv", {"header": "present"}),
        ("text/csv;header=present, */*", {"header": "present"}),
        ("text/*;header=present", {"header": "present"}),
        ("text/csv;header=present;q=0.5, application/json;q=0.4", {"header": "present"}),
    ],
)
def test_understood_parameters_are_handed_on(accept: str, params: dict[str, str]) -> None:
    offers = Offers(["text/csv", "application/json"], [HEADER, NOTHING])
    assert offers.choose(accept) == (0, params)


def test_a_parameter_that_another_offer_understands_is_not_understood() -> None:
    offers = Offers(["text/csv", "application/json"], [HEADER, NOTHING])
    with pytest.raises(NotAcceptableError):
        offers.choose("application/json; header=present")


def test_an_offers_own_parameter_is_matched_by_value() -> None:
    offers = Offers(["text/csv; header=absent", "text/csv; header=present"])
    assert offers.choose("text/csv; header=present").offer == 1
    assert offers.choose("text/csv; header=absent").offer == 0
    assert offers.choose("text/csv").offer == 0
    with pytest.raises(NotAcceptableError):
        offers.choose("text/csv; header=perhaps")


# The charset that everything is written in


UTF_8 = ["utf-8", "UTF-8", '"utf-8"', '"Utf-8"', "utf8", "UTF8"]


@pytest.mark.parametrize("written", UTF_8)
def test_utf_8_is_always_honoured(written: str) -> None:
    offers = Offers(["application/json", "text/csv"])
    assert offers.choose(f"text/csv; charset={written}").offer == 1
    assert offers.choose(f"Text/CSV; Charset={written}; q=0.5").offer == 1
    assert offers.choose(f"text/csv; charset={written}, application/json;q=0.9").offer == 1


@pytest.mark.parametrize("written", ["utf-8", "UTF-8", '"utf-8"', '"Utf-8"'])
def test_utf_8_is_honoured_by_an_offer_that_names_it(written: str) -> None:
    offers = Offers(["text/html; charset=utf-8"])
    assert offers.choose(f"text/html; charset={written}").offer == 0


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", '""'])
@pytest.mark.parametrize("media_range", ["text/csv", "text/*"])
def test_another_charset_is_not_acceptable(media_range: str, charset: str) -> None:
    with pytest.raises(NotAcceptableError):
        Offers(["text/csv"]).choose(f"{media_range}; charset={charset}")


def test_utf_8_beside_an_understood_parameter() -> None:
    choice = Offers(["text/csv"], [HEADER]).choose("text/csv; header=present; charset=utf-8")
    assert choice.offer == 0
    assert choice.params["header"] == "present"


@pytest.mark.parametrize(
    "accept",
    [
        "text/csv;q=0.5, text/csv;charset=utf-8, application/json;q=0.8",
        "text/csv;charset=utf-8, text/csv;q=0.5, application/json;q=0.8",
    ],
)
def test_a_range_with_utf_8_is_more_specific_than_one_without(accept: str) -> None:
    assert Offers(["application/json", "text/csv"]).choose(accept).offer == 1


# What real clients send

CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
AXIOS = "application/json, text/plain, */*"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param(None, 0, id="Go"),
        pytest.param("text/csv", 0, id="boto3, csv"),
        pytest.param("application/json", 1, id="boto3, json"),
        pytest.param("*/*", 0, id="requests, curl"),
        pytest.param(AXIOS, 0, id="axios"),
        pytest.param(CHROME, 0, id="Chrome"),
        pytest.param(FIREFOX, 0, id="Firefox"),
        pytest.param(JAVA, 0, id="Java"),
        pytest.param("text/csv, application/json", 0, id="PandasDeserializer"),
        pytest.param("application/jsonlines", 2, id="Batch Transform, JSON Lines"),
        pytest.param("text/csv; charset=utf-8", 0, id="inference pipeline"),
        pytest.param("application/json;charset=utf-8", 1, id="json with charset"),
        pytest.param("application/json, */*;q=0.5", 1, id="httpie"),
    ],
)
def test_accept_headers_of_real_clients(accept: str | None, chosen: int) -> None:
    offers = Offers(["text/csv", "application/json", "application/jsonlines"], [HEADER] * 3)
    assert offers.choose(accept).offer == chosen


def test_batch_transform_asks_for_csv_without_a_header() -> None:
    offers = Offers(["application/json", "text/csv"], [NOTHING, HEADER])
    assert offers.choose("text/csv; header=absent") == (1, {"header": "absent"})


@pytest.mark.parametrize(
    ("accept", "offers", "chosen"),
    [
        pytest.param(CHROME, ["text/csv", "text/html"], 1, id="Chrome, HTML"),
        pytest.param(CHROME, ["text/csv", "application/xml"], 1, id="Chrome, XML"),
        pytest.param(FIREFOX, ["image/png", "application/xml"], 1, id="Firefox, XML"),
        pytest.param(JAVA, ["text/csv", "image/jpeg"], 1, id="Java, JPEG"),
    ],
)
def test_clients_get_what_they_weigh_most(accept: str, offers: list[str], chosen: int) -> None:
    assert Offers(offers).choose(accept).offer == chosen


def test_pandas_deserializer_takes_either_of_its_formats() -> None:
    accept = "text/csv, application/json"
    assert Offers(["image/png", "application/json"]).choose(accept).offer == 1
    assert Offers(["image/png", "text/csv"]).choose(accept).offer == 1


DECODERS: tuple[Any, ...] = (CSV(), JSON(), JSONLines(), NPY(), NPZ(), Text(), Octets())


@pytest.mark.parametrize(
    ("content_type", "decoder"),
    [
        pytest.param("text/csv", CSV, id="CSVSerializer"),
        pytest.param("application/json", JSON, id="JSONSerializer"),
        pytest.param("application/jsonlines", JSONLines, id="JSONLinesSerializer"),
        pytest.param("application/x-npy", NPY, id="NumpySerializer"),
        pytest.param("application/x-npz", NPZ, id="SparseMatrixSerializer"),
        pytest.param("text/plain", Text, id="StringSerializer"),
        pytest.param("application/octet-stream", Octets, id="DataSerializer"),
        pytest.param("application/json;charset=utf-8", JSON, id="axios"),
        pytest.param("application/json; charset=UTF-8", JSON, id="HttpClient"),
        pytest.param("text/csv; charset=utf-8", CSV, id="inference pipeline"),
        pytest.param("text/csv;label_size=0", CSV, id="built-in algorithms"),
        pytest.param("Text/CSV", CSV, id="capitals"),
        pytest.param("application/geo+json", JSON, id="structured suffix"),
        pytest.param(None, CSV, id="no type"),
        pytest.param("", CSV, id="an empty type"),
    ],
)
def test_content_types_of_real_clients_find_their_decoder(
    content_type: str | None, decoder: type[object]
) -> None:
    assert isinstance(Intake(DECODERS).reader(content_type).decoder, decoder)


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/x-www-form-urlencoded", id="curl -d"),
        pytest.param("multipart/form-data; boundary=----WebKitFormBoundary7MA4", id="a form"),
        pytest.param("text/libsvm", id="LibSVMSerializer"),
        pytest.param("application/x-recordio-protobuf", id="RecordSerializer"),
        pytest.param("tensor/pt", id="TorchTensorSerializer"),
        pytest.param("application/x-parquet", id="parquet"),
    ],
)
def test_content_types_that_nobody_reads_are_refused_by_name(content_type: str) -> None:
    essence = parse(content_type).essence
    with pytest.raises(UnsupportedMediaTypeError, match=re.escape(essence)) as caught:
        Intake(DECODERS).reader(content_type)
    assert caught.value.supported == tuple(decoder.media_types[0] for decoder in DECODERS)


# Copies and memory


@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/json", "text/csv; header=present", "text/csv; charset=utf-8"],
)
def test_pickled_offers_choose_the_same(accept: str | None) -> None:
    offers = Offers(["text/csv", "application/json", "text/json"], [HEADER, NOTHING, NOTHING], 2)
    before = offers.choose(accept)
    copy = pickle.loads(pickle.dumps(offers))
    assert copy.choose(accept) == before


def test_pickled_offers_refuse_the_same() -> None:
    offers = Offers(["text/csv", "application/json"], advertised=1)
    copy = pickle.loads(pickle.dumps(offers))
    with pytest.raises(NotAcceptableError) as caught:
        copy.choose("text/csv; header=present")
    assert caught.value.supported == ("text/csv",)


@pytest.mark.parametrize("title", ["a b", "a, b", "", 'say "hi"', r"back\slash"])
def test_pickled_offers_keep_a_parameter_that_needs_quotes(title: str) -> None:
    quoted = re.sub(r'(["\\])', r"\\\1", title)
    offers = Offers(["text/csv", f'text/plain; title="{quoted}"'])
    copy = pickle.loads(pickle.dumps(offers))
    assert copy.choose(f'text/plain; title="{quoted}"').offer == 1


def test_offers_do_not_keep_every_header_they_have_seen() -> None:
    class Header(str):
        __slots__ = ("__weakref__",)

    offers = Offers(["text/csv"])
    seen = []
    for number in range(3000):
        header = Header(f"text/csv, text/x-{number}")
        seen.append(weakref.ref(header))
        assert offers.choose(header).offer == 0
    gc.collect()
    assert sum(reference() is not None for reference in seen) < 1000


def test_a_header_is_answered_alike_however_often_it_is_sent() -> None:
    offers = Offers(["text/csv", "application/json"])
    for _ in range(3):
        assert offers.choose("application/json").offer == 1
        with pytest.raises(NotAcceptableError):
            offers.choose("image/png")


# Any header at all

TCHARS = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
KNOWN = ["text/csv", "Text/CSV", "application/json", "text/*", "application/*", "*/*"]

tokens = st.text(TCHARS, min_size=1, max_size=8)
names = tokens.filter(lambda name: "*" not in name)
blanks = st.sampled_from(["", " ", "\t", " \t "])
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)


def quote(value: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def join(essence: str, parameters: dict[str, str], blank: str, weight: str) -> str:
    parts = [essence, *(f"{name}={value}" for name, value in parameters.items())]
    return f"{blank};{blank}".join(parts) + weight


essences = st.sampled_from(KNOWN[:3]) | st.builds("{}/{}".format, names, names)
ranges_of_types = st.sampled_from(KNOWN) | essences | names.map("{}/*".format)
parameter_names = st.sampled_from(["header", "charset", "a"]) | tokens.map(str.lower)
parameters = st.dictionaries(
    parameter_names.filter(lambda name: name != "q"),
    st.sampled_from(["utf-8", "present"]) | tokens | printable.map(quote),
    max_size=3,
)
token_parameters = st.dictionaries(parameter_names, tokens, max_size=3)
weights = st.sampled_from(["", ";q=0", "; q=0.5", ";Q=1.000", " ; q=.2"])
media_types = st.builds(join, essences, parameters, blanks, st.just(""))
media_ranges = st.builds(join, ranges_of_types, parameters, blanks, weights)
separators = st.builds("{},{}".format, blanks, blanks)
accepts = st.builds(str.join, separators, st.lists(media_ranges, min_size=1, max_size=4))


@st.composite
def damaged(draw: st.DrawFn, headers: st.SearchStrategy[str]) -> str:
    header: str = draw(headers)
    position = draw(st.integers(0, len(header)))
    dropped = draw(st.integers(0, 2))
    junk: str = draw(st.sampled_from(["", *',;="\\/ *\n\0\xa0é\ud800', ";q=", ",,", "*/"]))
    return header[:position] + junk + header[position + dropped :]


anything = st.text(max_size=60) | accepts | media_types | damaged(accepts) | damaged(media_types)
OFFERS = Offers(["text/csv", "application/json", "text/html; charset=utf-8"], [HEADER] * 3)
INTAKE = Intake(DECODERS[:2])
thorough = settings(max_examples=100, deadline=None)


@thorough
@given(anything)
def test_a_content_type_is_read_or_unsupported(header: str) -> None:
    try:
        media_type = parse(header)
    except UnsupportedMediaTypeError as error:
        assert error.status == 415  # noqa: PT017 - it need not be raised
    else:
        assert media_type.type == media_type.type.lower()
        assert "*" not in (media_type.type, media_type.subtype)


@thorough
@given(anything)
def test_an_accept_is_read_or_not_acceptable(header: str) -> None:
    try:
        ranges = parse_accept(header)
    except NotAcceptableError as error:
        assert error.status == 406  # noqa: PT017 - it need not be raised
    else:
        assert all(0 <= one.quality <= 1 for one in ranges)
        assert all("q" not in one.media_type.params for one in ranges)


@thorough
@given(anything)
def test_an_offer_is_chosen_or_nothing_is_acceptable(header: str) -> None:
    try:
        choice = OFFERS.choose(header)
    except NotAcceptableError as error:
        assert len(error.supported) == 3  # noqa: PT017 - it need not be raised
    else:
        assert choice.offer in range(3)


@thorough
@given(anything)
def test_a_decoder_is_found_or_the_content_type_is_unsupported(header: str) -> None:
    try:
        reader = INTAKE.reader(header)
    except UnsupportedMediaTypeError as error:
        assert error.supported == INTAKE.media_types  # noqa: PT017 - it need not be raised
    else:
        assert isinstance(reader.decoder, CSV | JSON)


@thorough
@given(media_types)
def test_every_media_type_of_the_grammar_is_read(header: str) -> None:
    assert parse(header).essence == re.split("[ \t;]", header, maxsplit=1)[0].lower()


@thorough
@given(st.lists(media_ranges, min_size=1, max_size=4), separators)
def test_every_accept_of_the_grammar_is_read_range_by_range(
    members: list[str], separator: str
) -> None:
    together = parse_accept(separator.join(members))
    assert len(together) == len(members)
    assert together == tuple(one for member in members for one in parse_accept(member))


@thorough
@given(essences, parameter_names, printable)
def test_a_quoted_value_is_handed_on_as_it_was(essence: str, name: str, value: str) -> None:
    assert parse(f"{essence}; {name}={quote(value)}").params == {name: value}


@thorough
@given(st.builds(join, essences, token_parameters, blanks, st.just("")))
def test_a_media_type_survives_being_written_and_read(header: str) -> None:
    assert parse(str(parse(header))) == parse(header)


@thorough
@given(
    st.lists(
        st.tuples(ranges_of_types.map(str.lower), weights), max_size=5, unique_by=lambda one: one[0]
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_ranges_does_not_matter(
    members: list[tuple[str, str]], random: Random
) -> None:
    header = ", ".join(map("".join, members))
    random.shuffle(members)
    assert outcome(", ".join(map("".join, members))) == outcome(header)


def outcome(header: str) -> int | None:
    try:
        return OFFERS.choose(header).offer
    except NotAcceptableError:
        return None
