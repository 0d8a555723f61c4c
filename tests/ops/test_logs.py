"""Log lines: JSON, told apart by tenant and request, and without secrets."""

import json
import subprocess
import sys

import pytest

from app.core.logs import REDACTED, redact, redacted_text
from tools.children import PROJECT

SCRIPT = """
import logging, structlog
from app.core.logs import configure_logging
configure_logging("jobs")
configure_logging("web")
structlog.contextvars.bind_contextvars(tenant=7, request="r-1")
log = structlog.get_logger("app.payments")
log.info("payments.sent", amount="12.00 EUR", password="open sesame", headers={"Authorization": "Bearer abcdefghij"})
logging.getLogger("sqlalchemy").warning("cannot reach postgresql://kontor_app:s3cret@db/kontor")
try:
    raise ValueError("api_key=verysecret failed")
except ValueError:
    log.exception("payments.failed")
"""


def lines() -> list[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_json_with_tenant_request_and_process_and_no_secret() -> None:
    found = lines()

    assert [line["event"] for line in found][0::2] == ["payments.sent", "payments.failed"]
    assert {(line["tenant"], line["request"], line["process"]) for line in found} == {(7, "r-1", "jobs")}
    assert found[0]["amount"] == "12.00 EUR"
    assert found[0]["password"] == REDACTED
    text = json.dumps(found)
    for secret in ("open sesame", "abcdefghij", "s3cret", "verysecret"):
        assert secret not in text
    assert "ValueError" in str(found[2]["exception"])


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "SECRET_KEY",
        "access_token",
        "Authorization",
        "Cookie",
        "api-key",
        "csrf_token",
        "otp",
    ],
)
def test_a_field_named_like_a_secret_is_hidden_at_any_depth(name: str) -> None:
    event = redact(None, "info", {"event": "x", "outer": [{name: "value-to-hide"}]})

    assert "value-to-hide" not in json.dumps(event)


def test_parameters_of_a_database_error_are_hidden() -> None:
    message = (
        "(psycopg.errors.UniqueViolation) twice\n[SQL: INSERT INTO user_account ...]\n"
        "[parameters: {'hash': '$argon2$x'}]\n(Background on this error)"
    )

    assert "$argon2$x" not in redacted_text(message)
    assert "[SQL: INSERT INTO user_account ...]" in redacted_text(message)


def test_ordinary_words_stay() -> None:
    assert (
        redacted_text("The withdrawal W-7K3M9Q2XW4 was paid at 12:30.")
        == "The withdrawal W-7K3M9Q2XW4 was paid at 12:30."
    )
