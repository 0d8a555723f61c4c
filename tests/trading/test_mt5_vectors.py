"""The verified vectors of the MT5 handshake, and how records are read."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest

from app.trading.platforms.base import DealKind, Entry, ServerClock, Side
from app.trading.platforms.mt5 import codec, handshake

SRV_RAND = "73007dc7184747ce0f7c98516ef1c851"


@pytest.mark.parametrize(
    ("password", "digest", "answer"),
    [
        ("Password1", "904ba8ecb16273d2f0ae9c3b8a023752", "77fe51827f7fa69dd80fbec9aa33f1bb"),
        ("Password", "fa09046941a1eff45d05308309f10e7c", None),
        ("P\u00e4ssw0rd#1", "7ad30eaef1cc73f0daf4e106c3803def", "a2920fe9d2a143ae42d9dc48352557eb"),
        (
            "\u043f\u0430\u0440\u043e\u043b\u044c1A!",
            "28bbe2d179b8f21237939230faffbb1f",
            "bd2292783606f7f8f686f76f145c35af",
        ),
        ("p\U0001f600A1!aaaa", "dd4d23275c24b78dc4d311a7dadf33b5", "c152e87714dab5d60b53cf46bafe7a00"),
    ],
)
def test_handshake_vectors(password: str, digest: str, answer: str | None) -> None:
    assert handshake.password_digest(password).hex() == digest
    if answer is not None:
        assert handshake.answer_to(bytes.fromhex(digest), SRV_RAND) == answer


def test_both_hashing_steps_work_on_bytes_and_not_on_hex_text() -> None:
    inner = hashlib.md5("Password1".encode("utf-16-le"), usedforsecurity=False)

    assert inner.hexdigest() == "ec2e92ff70bf4691ae0c68e02fdc6c22"


def test_the_servers_proof_is_checked_in_either_case_and_refused_when_wrong() -> None:
    digest = handshake.password_digest("Password1")
    challenge, proof = "4db98fec17aab4dc5a240bdc659e8395", "1732021b1b332f51660b2b315eed3a35"

    assert handshake.is_right_answer(digest, challenge, proof)
    assert handshake.is_right_answer(digest, challenge, proof.upper())
    assert not handshake.is_right_answer(digest, challenge, proof[:-1] + "6")
    assert not handshake.is_right_answer(digest, challenge, "")


def test_query_escapes_the_four_characters_then_percent_encodes() -> None:
    assert codec.query({"group": "demo\\forex", "comment": "a=b|c #1"}) == (
        "group=demo%5C%5Cforex&comment=a%5C%3Db%5C%7Cc%20%231"
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"retcode" : "0 Done"}', 0),
        (b'{\r\n"retcode" : "13 Not found"\r\n}', 13),
        (b'{"retcode" : "14 Operation has not been completed", "answer" : []}', 14),
    ],
)
def test_only_the_number_of_a_return_code_counts(body: bytes, code: int) -> None:
    assert codec.parse_answer(body).code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"answer":1}', b'{"retcode":"Done"}', b"[]"])
def test_an_answer_without_a_return_code_is_unreadable(body: bytes) -> None:
    with pytest.raises(codec.Unreadable):
        codec.parse_answer(body)


def test_volumes_prefer_eight_decimals_and_fall_back_to_four() -> None:
    assert codec.lots({"Volume": "10000", "VolumeExt": "100000000"}) == 1
    assert codec.lots({"Volume": "12345", "VolumeExt": "123456789"}) == Decimal("1.23456789")
    assert codec.lots({"Volume": "100", "VolumeExt": "0"}) == Decimal("0.01")
    assert codec.lots({"Volume": 100}) == Decimal("0.01")


def test_a_deal_is_read_from_either_spelling_and_from_older_builds() -> None:
    old = codec.deal({"Deal": "7", "Login": "5", "Action": "1", "Entry": "1", "Time": "1572518788", "Volume": "10000"})
    new = codec.deal(
        {"Deal": "8", "Action": "2", "ModificationFlags": "2", "Profit": "-12.30", "TimeMsc": "1572518788123"}
    )

    assert (old.kind, old.side, old.entry) == (DealKind.TRADE, Side.SELL, Entry.OUT)
    assert (old.server_time_msc, old.fee, old.market_bid, old.volume_closed_lots) == (1572518788000, 0, None, None)
    assert (new.kind, new.side, new.modify_flags) == (DealKind.BALANCE, None, 2)
    assert (new.profit, new.server_time_msc) == (Decimal("-12.30"), 1572518788123)


def test_kinds_and_reasons_of_newer_builds_are_no_trades() -> None:
    deal = codec.deal({"Deal": "1", "Action": "99", "Reason": "77"})

    assert (deal.kind, deal.side, deal.reason) == (DealKind.OTHER, None, "reason_77")


def test_server_time_converts_by_the_offset_of_its_own_moment() -> None:
    winter, change = 120, 1_711_846_800_000  # 31 March 2024, 01:00 UTC, written as 03:00 (+2), from then on +3.
    clock = ServerClock(((0, winter), (change, 180)))

    assert clock.utc(change - 1).isoformat() == "2024-03-30T22:59:59.999000+00:00"
    assert clock.utc(change + 3_600_000).isoformat() == "2024-03-30T23:00:00+00:00"
    assert clock.utc(1572518788000).isoformat() == "2019-10-31T08:46:28+00:00"
