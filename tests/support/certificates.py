"""Certificates that are valid at a time of the test's choice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from distributed import Security


def valid(first_day: float, last_day: float) -> Security:
    """Certificates like those of `Security.temporary`, valid between two days, counted from now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{first_day} to {last_day}")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=first_day))
        .not_valid_after(now + timedelta(days=last_day))
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return security(text, key.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode())


def security(certificate: str, key: str) -> Security:
    """One certificate for all roles."""
    roles = {f"tls_{role}_cert": certificate for role in ("scheduler", "worker", "client")}
    roles |= {f"tls_{role}_key": key for role in ("scheduler", "worker", "client")}
    return Security(require_encryption=True, tls_ca_file=certificate, **roles)


def mixed(scheduler: Security, client: Security) -> Security:
    """The scheduler's certificate of one, the client's of the other; each side trusts both."""
    theirs, ours = scheduler.get_tls_config_for_role("scheduler"), client.get_tls_config_for_role("client")
    return Security(
        require_encryption=True,
        tls_ca_file=f"{theirs['ca_file']}{ours['ca_file']}",
        tls_scheduler_cert=theirs["cert"],
        tls_scheduler_key=theirs["key"],
        tls_client_cert=ours["cert"],
        tls_client_key=ours["key"],
    )
