"""Dataclasses as schemas: load, dump, JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.base import schema
from edge.base.schema import SchemaError, item
from edge.base.units import parse_duration_s

HUGE = 16**5000


@dataclass(frozen=True)
class Spot:
    """A place."""

    x: float = item("from the left", min=0, max=1)
    y: float = item("from the top", 0.5, min=0, max=1)

    def __post_init__(self) -> None:
        if self.x == self.y == 0:
            raise ValueError("the corner is taken")


@dataclass(frozen=True)
class Settings:
    """Everything that a field can be."""

    name: str = item("a name", pattern=r"[a-z]+", max_length=8)
    count: int = item("how many", 3, min=1, max=9)
    kind: Literal["day", "night"] = item("when", "day")
    wait_s: float = item("how long", 10.0, parse=parse_duration_s, max=60)
    is_on: bool = item("whether", False)
    at_utc: datetime | None = item("since when", None)
    spot: Spot | None = item("where", None)
    spots: tuple[Spot, ...] = item("where else", (), max_items=2)
    box: tuple[float, float] | None = item("size", None, min=0)
    pair: tuple[str, int] | None = item("text and number", None)
    labels: dict[str, int] = item("free", dict, pattern=r"[a-z]+", max_items=2)
    secret: str = item("never shown", "", pattern=r"[a-z]*", is_secret=True)
    note: str | None = item("free text", None)
    size: int | None = item("any number", None)


def problems_of(value: object, *, unknown: schema.Unknown = "refuse") -> list[str]:
    with pytest.raises(SchemaError) as caught:
        schema.load(Settings, value, unknown=unknown)
    return [str(problem) for problem in caught.value.problems]


def test_every_problem_is_reported_at_once() -> None:
    """A person mends a file in one go."""
    problems = problems_of(
        {"name": "Gate", "count": 12, "kind": "noon", "wait_s": "soon", "spots": [{"x": 2}, {}]}
    )
    assert [problem.split(":")[0] for problem in problems] == [
        "name", "count", "kind", "wait_s", "spots[0].x", "spots[1].x",
    ]  # fmt: skip


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    """A slip of the finger is found without the manual."""
    (problem,) = problems_of({"name": "gate", "cuont": 2})
    assert problem == "cuont: is not a known key (did you mean count?)"


def test_an_unknown_key_without_a_near_one_lists_the_known() -> None:
    """At least the reader learns what there is."""
    (problem,) = problems_of({"name": "gate", "spot": {"x": 0.2, "zzzzzz": 1}})
    assert problem == "spot.zzzzzz: is not a known key (known: x, y)"


def test_unknown_keys_are_ignored_where_the_wire_says_so() -> None:
    """A newer sender may say more."""
    loaded = schema.load(Settings, {"name": "gate", "later": {"x": 1}}, unknown="ignore")
    assert loaded == Settings(name="gate")


def test_a_missing_key_without_a_default_is_named_with_its_meaning() -> None:
    """The message tells what to write."""
    assert problems_of({}) == ["name: is required (a name)"]


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("count", 0, "is 0, the least allowed is 1"),
        ("count", True, "must be a whole number, not True"),
        ("count", 2.5, "must be a whole number, not 2.5"),
        ("count", None, "must be a whole number, not nothing"),
        ("count", "3", "must be a whole number, not '3'"),
        ("size", 2**63, "is a number of more than 64 bits"),
        pytest.param("size", HUGE, "is a number of more than 64 bits", id="huge-int"),
        pytest.param("wait_s", HUGE, "is not a duration", id="huge-duration"),
        ("wait_s", float("nan"), "is not a duration"),
        ("wait_s", "2m", "is 120.0, the most allowed is 60"),
        ("spot", {"x": float("inf")}, "must be a finite number"),
        pytest.param("spot", {"x": HUGE}, "more than 64 bits", id="huge-float"),
        ("spot", [1, 2], "must be a mapping, not [1, 2]"),
        ("spot", {"x": 0, "y": 0}, "the corner is taken"),
        ("spots", {"x": 1}, "must be a list"),
        ("spots", [{"x": 1}] * 3, "has 3 items, at most 2 are allowed"),
        ("box", [1.0], "must have 2 items, not 1"),
        ("box", [1.0, -1.0], "is -1.0, the least allowed is 0"),
        ("pair", ["a", "b"], "must be a whole number, not 'b'"),
        ("kind", True, "must be one of day, night, not True"),
        ("is_on", 1, "must be true or false, not 1"),
        ("name", "toolongname", "has 11 characters, at most 8 are allowed"),
        ("name", "gate\n", "must match [a-z]+"),
        ("labels", {"A": 1}, "name must match [a-z]+"),
        ("labels", {"a": 1, "b": 2, "c": 3}, "has 3 keys, at most 2 are allowed"),
        ("labels", {"a": "x"}, "must be a whole number, not 'x'"),
        ("at_utc", "yesterday", "must be a time such as"),
        ("at_utc", 5, "must be a time such as"),
        ("note", 5, "must be a text, not 5"),
        ("note", "x", None),
        ("note", None, None),
        ("size", 4.0, None),
        ("spot", {"x": 1}, None),
    ],
)  # fmt: skip
def test_a_value_outside_its_rule_is_refused_in_words(
    field: str, value: object, complaint: str | None
) -> None:
    """The text says what is wrong and what would be right."""
    document = {"name": "gate", field: value}
    if complaint is None:
        schema.load(Settings, document, unknown="refuse")
    else:
        assert complaint in "\n".join(problems_of(document))


@pytest.mark.parametrize("value", [None, 5, "x", [], [["name", "gate"]]])
def test_a_document_that_is_no_mapping_is_refused(value: object) -> None:
    """An empty or wrong file is one clear problem."""
    (problem,) = problems_of(value)
    assert problem.startswith("document: must be a mapping, not ")


def test_a_secret_is_not_repeated_in_an_error() -> None:
    """Errors end up in logs."""
    assert "HUNTER2" not in "\n".join(problems_of({"name": "gate", "secret": "HUNTER2"}))
    assert "HUNTER2" not in "\n".join(problems_of({"name": "gate", "secret": ["HUNTER2"]}))


def test_a_password_in_a_url_is_not_repeated_even_in_the_wrong_place() -> None:
    """People paste a URL where a mapping belongs."""
    problems = problems_of({"name": "gate", "spot": "rtsp://admin:HUNTER2@cam/1"})
    assert "HUNTER2" not in "\n".join(problems)


def test_a_long_wrong_value_is_shortened() -> None:
    """One bad value must not fill the screen."""
    (problem,) = problems_of({"name": "gate", "count": "x" * 10_000})
    assert len(problem) < 200


def test_none_is_left_out_and_taken_back() -> None:
    """Absent and None are one thing."""
    assert "note" not in schema.dump(Settings(name="gate"))
    given_null = schema.load(Settings, {"name": "gate", "note": None}, unknown="refuse")
    assert given_null == Settings(name="gate")


def test_what_is_dumped_loads_to_the_same_value() -> None:
    """Nothing is lost on the way to JSON and back, to the millisecond."""
    value = Settings(
        name="gate", count=5, kind="night", wait_s=1.5, is_on=True,
        at_utc=datetime(2026, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC), spot=Spot(0.25),
        spots=(Spot(1.0), Spot(0.0)), box=(1.0, 2.0), pair=("a", 1), labels={"a": 1},
        secret="s", note="", size=-(2**63),
    )  # fmt: skip
    assert schema.load(Settings, schema.dump(value), unknown="refuse") == value


def test_a_default_list_or_mapping_is_fresh_for_every_value() -> None:
    """Two values never share a mutable default."""
    assert Settings(name="a").labels is not Settings(name="b").labels


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from(["day", "gate", "1s", "5m", "2026-01-01T00:00:00Z", 2**63, 0.5, 1.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["x", "y", "a", "B"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.fixed_dictionaries(
    {"name": st.sampled_from(["gate", "Gate", "gate\n"])},
    optional={name: ANY for name in schema.fields_of(Settings) if name not in ("name", "wait_s")},
)


def is_ecma(validator: Any, pattern: str, instance: object, _: Any) -> Any:
    if isinstance(instance, str) and not re.search(pattern.removesuffix("$") + r"\Z", instance):
        yield jsonschema.ValidationError("pattern")


@settings(max_examples=400)
@given(document=FIELDS)
def test_the_json_schema_takes_what_load_takes(document: dict[str, Any]) -> None:
    """Beyond a rule in `__post_init__`, which a schema cannot say, both agree."""
    made = schema.json_schema(Settings, closed=True)
    kind = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft202012Validator, {"pattern": is_ecma}
    )
    fits = kind(made).is_valid(document)
    try:
        schema.load(Settings, document, unknown="refuse")
    except SchemaError as err:
        assert not fits or "corner is taken" in str(err) or "must be a time" in str(err)
    else:
        assert fits


def test_the_json_schema_documents_and_limits_every_field() -> None:
    """What the code enforces is what is published."""
    made = schema.json_schema(Settings)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["required"] == ["name"]
    assert made["description"] == "Everything that a field can be."
    properties = made["properties"]
    assert properties["name"] == {
        "type": "string", "maxLength": 8, "pattern": "^(?:[a-z]+)$", "description": "a name",
    }  # fmt: skip
    assert properties["kind"]["enum"] == ["day", "night"]
    assert properties["note"]["type"] == ["string", "null"]
    assert properties["size"]["maximum"] == 2**63 - 1
    assert properties["labels"]["maxProperties"] == 2
    assert [each["type"] for each in properties["pair"]["prefixItems"]] == ["string", "integer"]
    assert "additionalProperties" not in made
    assert schema.json_schema(Settings, closed=True)["additionalProperties"] is False


def test_nested_classes_go_to_the_definitions_when_asked() -> None:
    """One description of a part, however often it is used."""
    defs: dict[str, Any] = {}
    made = schema.json_schema(Settings, defs=defs)
    assert made["properties"]["spots"]["items"] == {"$ref": "#/$defs/Spot"}
    assert list(defs) == ["Spot"]
