"""The OpenFeature SDK of Python with the OFREP provider, asked by lines of JSON as the clients of Node are (see ../node/lines.mjs)."""

import json
import os
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext


def provider() -> OFREPProvider:
    token = os.environ.get("TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return OFREPProvider(os.environ["OFREP_ENDPOINT"], headers_factory=lambda: headers)


def evaluate(client, kind: str, key: str, fallback, context=None) -> dict:
    ways = {
        "boolean": client.get_boolean_details,
        "string": client.get_string_details,
        "integer": client.get_integer_details,
        "float": client.get_float_details,
        "object": client.get_object_details,
    }
    given = dict(context or {})
    details = ways[kind](key, fallback, EvaluationContext(given.pop("targetingKey", None), given))
    return {
        "value": details.value,
        "reason": str(details.reason) if details.reason else None,
        "variant": details.variant,
        "errorCode": details.error_code.value if details.error_code else None,
        "errorMessage": details.error_message,
    }


def tell(line: dict) -> None:
    print(json.dumps(line), flush=True)


def main() -> None:
    api.set_provider(provider())
    client = api.get_client()
    tell({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            tell(evaluate(client, asked["ask"], asked["key"], asked["fallback"], asked.get("context")))
        except Exception as fault:  # noqa: BLE001: the test outside decides what it means
            tell({"fault": repr(fault)})


if __name__ == "__main__":
    main()
