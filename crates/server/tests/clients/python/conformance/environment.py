"""Scenarios of others against a running control center: `cargo xtask conformance` starts both and hands over where they are.

OFREP_ENDPOINT and TOKEN are the server's; CONTROL is the address of the small server that stops it, starts it, and changes a flag.
"""

import os
import urllib.request

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider


def control(path: str) -> None:
    request = urllib.request.Request(os.environ["CONTROL"] + path, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def provide() -> None:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    api.set_provider(OFREPProvider(os.environ["OFREP_ENDPOINT"], headers_factory=lambda: headers))


def before_scenario(context, scenario) -> None:
    context.control, context.provide = control, provide
    context.targeting_key, context.attributes = None, {}
    context.details, context.thrown = None, None


def after_scenario(context, scenario) -> None:
    api.clear_providers()
