"""The router asked whatever its own OpenAPI description allows, and what it does not: it never fails, and keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from schemas.packaged import openapi_text
from tests.fakes.router import Router

pytestmark = pytest.mark.e2e

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CONFIG = """
providers:
  here: {type: static, settings: {models: [one]}}
routing: {defaultProvider: here}
"""

description = schemathesis.openapi.from_dict(json.loads(openapi_text()))
description.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    with Router(CONFIG) as one:
        yield one
        assert not [line for line in one.log_lines() if line.get("stage") == "bug"]


@description.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
def test_whatever_is_asked_is_answered_as_described(router: Router, case: Any) -> None:
    """No request makes it fail, and every answer has a status, a type and a shape that the description names."""
    answer = case.call(base_url=router.url, timeout=20)
    case.validate_response(answer, checks=CHECKS)


def test_the_description_is_served_and_complete(router: Router) -> None:
    """`GET /openapi.json` gives it; it names every path but the page's and its events."""
    from engine.app import app_of
    from tests.engine.test_exchange import HELLO, ONE
    from tests.fakes.gateway import Answer, in_process

    served = json.loads(router.get("/openapi.json")[2])
    routes = {route.path for route in app_of(in_process(ONE, {"up": [Answer(HELLO)]}).router).routes}
    named = {path.replace("{name}", "{name:path}") for path in served["paths"]}

    assert served == json.loads(openapi_text())
    assert {path for path in routes - named if not path.startswith("/ui")} == {"/", "/api/hello", "/v1/ccr/events"}
    assert named <= routes
