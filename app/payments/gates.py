"""The port through which features above may stop a payment: each registers a gate as `payments.gates`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.core import features
from app.core.errors import Forbidden
from app.kit.money import Money
from app.kit.text import Message


@dataclass(frozen=True, slots=True)
class GateQuestion:
    """May this payment go on? `stage` says whether it is being asked for or is about to be approved or sent."""

    kind: Literal["deposit", "withdrawal"]
    stage: Literal["request", "approval"]
    client_id: UUID
    money: Money
    object_id: UUID


Gate = Callable[[GateQuestion], Message | None]


class GateClosed(Forbidden):
    """A feature above says no; its own sentence is what the reader sees."""


def answers(question: GateQuestion) -> list[Message]:
    """What the gates that stay closed say, in the order of the features."""
    found = [gate(question) for gate in features.port("payments.gates")]
    return [message for message in found if message is not None]


def require_open(question: GateQuestion) -> None:
    """Raises GateClosed with the first closed gate's sentence."""
    closed = answers(question)
    if closed:
        raise GateClosed(closed[0])
