"""The reference vectors of the challenge and of the cipher."""

from __future__ import annotations

import pytest

from app.simulators.mt5.auth import CipherStream, answer_to, chain, cipher_streams, is_answer, password_digest

CHALLENGE = bytes.fromhex("73007dc7184747ce0f7c98516ef1c851")
CRYPT_RAND = bytes(range(256))


def test_v1_password_digest_and_both_answers() -> None:
    digest = password_digest("Password1")

    assert digest.hex() == "904ba8ecb16273d2f0ae9c3b8a023752"
    assert answer_to(digest, CHALLENGE) == "77fe51827f7fa69dd80fbec9aa33f1bb"
    own_challenge = bytes.fromhex("4db98fec17aab4dc5a240bdc659e8395")
    assert answer_to(digest, own_challenge) == "1732021b1b332f51660b2b315eed3a35"
    assert is_answer(digest, CHALLENGE, "77FE51827F7FA69DD80FBEC9AA33F1BB")
    assert not is_answer(digest, CHALLENGE, "77fe51827f7fa69dd80fbec9aa33f1bc")


def test_v2_password_digest() -> None:
    assert password_digest("Password").hex() == "fa09046941a1eff45d05308309f10e7c"


@pytest.mark.parametrize(
    ("password", "digest", "answer"),
    [
        pytest.param(
            "P\u00e4ssw0rd#1", "7ad30eaef1cc73f0daf4e106c3803def", "a2920fe9d2a143ae42d9dc48352557eb", id="v3"
        ),
        pytest.param(
            "\u043f\u0430\u0440\u043e\u043b\u044c1A!",
            "28bbe2d179b8f21237939230faffbb1f",
            "bd2292783606f7f8f686f76f145c35af",
            id="v4",
        ),
        pytest.param(
            "p\U0001f600A1!aaaa", "dd4d23275c24b78dc4d311a7dadf33b5", "c152e87714dab5d60b53cf46bafe7a00", id="v5"
        ),
    ],
)
def test_v3_to_v5_passwords_beyond_ascii(password: str, digest: str, answer: str) -> None:
    assert password_digest(password).hex() == digest
    assert answer_to(password_digest(password), CHALLENGE) == answer


def test_crypt_chain() -> None:
    blocks = [block.hex() for block in chain(password_digest("Password1"), CRYPT_RAND)]

    assert blocks[:4] == [
        "b0ed3aa00c46c12260202166f8484536",
        "8f57767e6a2ca7a54c85776325f7677e",
        "1b6493c551ce24e2746982f0a15dc916",
        "57c68578ca6d4196107f83e6a8f4b48f",
    ]
    assert blocks[14:] == ["ef863280e56de9f5898de0496d3db4bb", "70c65d37748166f082270af669327005"]


def test_crypt_packets_of_both_directions() -> None:
    incoming, outgoing = cipher_streams(password_digest("Password1"), CRYPT_RAND)

    assert incoming.apply("USER_GET|LOGIN=764636|\r\n".encode("utf-16-le")).hex() == (
        "1ff55cfe1d0c7354a300637b6b86feb6254dbd4cab0aca4678b73766f49380994cd77cbf7a51694c94a0b82710e5c93b"
    )
    assert incoming.apply(b"") == b""
    assert incoming.apply("TIME_SERVER|\r\n".encode("utf-16-le")).hex() == (
        "f23ba604646d535da441ab8258531512531180a43ea0cc66798ee296"
    )
    text = "TIME_SERVER|RETCODE=0 Done|TIME=1572518788 2019.10.31 10:46:28|\r\n"
    assert outgoing.apply(text.encode("utf-16-le")).hex() == (
        "283bc03621e3bd0a3fbcb1cf13ece329f94871f2655061821087cdde14ec62333af27d4038cb83c38114d40e6afda060"
        "3339b8bdb7618a6229759f08094fd31f971b6842f0b3ec0dd89c96b08c79ad855438a3485919f768f7adff4df912d9c7"
        "d7a955e79567b0f7146216ea673c70d3c3b4994d0d9430d68368f80dc9f2241b9f6d"
    )


def test_crypt_state_goes_on_across_packets() -> None:
    blocks = chain(password_digest("Password1"), CRYPT_RAND)
    second = "TIME_SERVER|\r\n".encode("utf-16-le")

    reset = CipherStream(blocks[0] + blocks[1], blocks[2]).apply(second).hex()

    assert reset == "1ef546fe150c6454a300777b6b86f8b60f4db44cb60af1463cb77366"  # What a client gets wrong.
