"""A certificate authority of a simulator's own, and the server certificates that it signs, good and bad ones."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.kit import clock

_LIFETIME = timedelta(days=3650)
_DAY = timedelta(days=1)
CA_FILE = "ca.pem"
KINDS = ("valid", "expired", "other_name", "untrusted")
_PEM = serialization.Encoding.PEM


def ensure_certificates(folder: Path, names: tuple[str, ...]) -> Path:
    """Make authority and certificates on first use, and return the authority's file.

    They are kept, so that a client that pins them still trusts a restarted server.
    """
    wanted = [CA_FILE, *(f"{kind}.pem" for kind in KINDS)]
    if not all((folder / name).exists() for name in wanted):
        folder.mkdir(parents=True, exist_ok=True)
        authority_key, stranger_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _authority(authority_key)
        for kind in KINDS:
            is_known = kind != "untrusted"
            signer = authority_key if is_known else stranger_key
            chosen = ("somewhere.invalid",) if kind == "other_name" else names
            _write_server(folder / f"{kind}.pem", chosen, signer, is_expired=kind == "expired")
        (folder / CA_FILE).write_bytes(authority.public_bytes(_PEM))
    return folder / CA_FILE


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS with the valid certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    use_certificate(context, folder, "valid")
    return context


def use_certificate(context: ssl.SSLContext, folder: Path, kind: str) -> None:
    """Show another certificate to connections that begin from now on."""
    if kind not in KINDS:
        raise ValueError(f"There is no certificate {kind}.")
    context.load_cert_chain(folder / f"{kind}.pem")


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Kontor simulators")
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write_server(
    path: Path, names: tuple[str, ...], authority_key: ec.EllipticCurvePrivateKey, *, is_expired: bool
) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0]))
        .issuer_name(_name("Kontor simulators"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * _DAY if is_expired else now - _DAY)
        .not_valid_after(now - _DAY if is_expired else now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(certificate.public_bytes(_PEM) + private)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
