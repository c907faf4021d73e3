"""Our steps for the published scenarios of flag evaluation."""

import json

from behave import given, then, use_step_matcher, when
from openfeature import api
from openfeature.evaluation_context import EvaluationContext

use_step_matcher("re")


def read(kind: str, text: str):
    """A value as the scenarios write it."""
    ways = {
        "Boolean": lambda: text == "true",
        "Integer": lambda: int(text),
        "Float": lambda: float(text),
        "String": lambda: text,
        "Object": lambda: json.loads(text.replace('\\"', '"')),
    }
    return ways[kind]()


def same(found, wanted) -> None:
    assert type(found) is type(wanted) and found == wanted, f"{found!r} ({type(found).__name__}) is not {wanted!r} ({type(wanted).__name__})"


@given("a stable provider")
def stable(context):
    context.control("/start?config=default")
    context.provide()


@given("an? unavailable provider")
def unavailable(context):
    context.control("/stop")
    context.provide()


@given('an? (?P<kind>Boolean|Integer|Float|String|Object)-flag with key "(?P<key>[^"]*)" and a (?:default|fallback) value "(?P<text>.*)"')
def flag(context, kind, key, text):
    context.kind, context.key, context.fallback = kind, key, read(kind, text)


@given('a context containing a targeting key with value "(?P<key>[^"]*)"')
def targeting_key(context, key):
    context.targeting_key = key


@given('a context containing a key "(?P<name>[^"]*)", with type "(?P<kind>[^"]*)" and with value "(?P<text>.*)"')
def attribute(context, name, kind, text):
    context.attributes[name] = read(kind, text)


@given('a context containing a key "(?P<name>[^"]*)" with null value')
def null_attribute(context, name):
    context.attributes[name] = None


@when("the flag was evaluated with details")
def evaluate(context):
    client = api.get_client()
    ways = {
        "Boolean": client.get_boolean_details,
        "Integer": client.get_integer_details,
        "Float": client.get_float_details,
        "String": client.get_string_details,
        "Object": client.get_object_details,
    }
    asked = EvaluationContext(context.targeting_key, context.attributes)
    try:
        context.details = ways[context.kind](context.key, context.fallback, asked)
    except Exception as fault:  # noqa: BLE001: a step asks whether there was one
        context.thrown = fault


@then('the resolved details value should be "(?P<text>.*)"')
def value(context, text):
    same(context.details.value, read(context.kind, text))


@then('the reason should be "(?P<reason>.*)"')
def reason(context, reason):
    same(str(getattr(context.details.reason, "value", context.details.reason)), reason)


@then('the error-code should be "(?P<code>.*)"')
def error_code(context, code):
    found = context.details.error_code
    same(found.value if found else "", code)


@then("the error message should be empty")
def no_message(context):
    assert not context.details.error_message, context.details.error_message


@then("no exception should have been thrown")
def nothing_thrown(context):
    assert context.thrown is None, repr(context.thrown)


@then('the variant should be "(?P<variant>.*)"')
def variant(context, variant):
    same(context.details.variant or "", variant)


@then('the flag key should be "(?P<key>.*)"')
def flag_key(context, key):
    same(context.details.flag_key, key)


@then("the resolved object value should contain")
def members(context):
    for row in context.table:
        same(context.details.value[row["key"]], read(row["type"], row["value"]))


@then("the resolved metadata should contain")
def metadata(context):
    for row in context.table:
        same(context.details.flag_metadata[row["key"]], read(row["metadata_type"], row["value"]))


@then("the resolved metadata is empty")
def no_metadata(context):
    assert not context.details.flag_metadata, context.details.flag_metadata
