"""Certificates that have expired or are not valid yet: the message says so, and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certificates
import dask_processes
import pytest
from distributed import Security

from dqnkit.cluster import connect as connecting
from dqnkit.cluster.security import as_configuration, temporary_security, why_not_valid
from dqnkit.deploy import connect, make_cluster
from dqnkit.errors import ClusterError

OLD, YOUNG, GOOD = (-10, -1), (1, 10), (-1, 10)  # days, counted from now


def test_the_certificates_that_the_kit_makes_are_valid_for_a_year() -> None:
    certificate = str(temporary_security().get_tls_config_for_role("client")["cert"])
    now = datetime.now(UTC)
    assert not why_not_valid(certificate)
    assert not why_not_valid(certificate, now + timedelta(days=364))
    assert "has expired on" in why_not_valid(certificate, now + timedelta(days=366))
    assert "the clock of this computer says" in why_not_valid(certificate, now - timedelta(minutes=5))


def test_a_certificate_in_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "certificate"
    file.write_text(str(certificates.valid(*OLD).get_tls_config_for_role("client")["cert"]))
    assert "has expired on" in why_not_valid(str(file))


@pytest.mark.parametrize(("days", "what"), [(OLD, "has expired on"), (YOUNG, "is not valid before")])
def test_no_cluster_is_started_with_them(
    days: tuple[int, int], what: str, tried: Callable[[int, str, str], None]
) -> None:
    with pytest.raises(ClusterError, match=f"no cluster can be started: its certificate {what}") as caught:
        make_cluster(n_workers=1, security=certificates.valid(*days))
    tried(23, f"make_cluster with a certificate that {what} another day", str(caught.value))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheduler", "client", "what", "told_by_it"),
    [
        (GOOD, OLD, "our certificate has expired on", "by its clock, our certificate has expired"),
        (GOOD, YOUNG, "our certificate is not valid before", "perhaps not valid yet"),
        (OLD, GOOD, "its certificate has expired", "its certificate has expired"),
        (YOUNG, GOOD, "its certificate is not valid yet", "its certificate is not valid yet"),
    ],
)
def test_a_running_scheduler(
    scheduler: tuple[int, int],
    client: tuple[int, int],
    what: str,
    told_by_it: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tried: Callable[[int, str, str], None],
) -> None:
    security = certificates.mixed(certificates.valid(*scheduler), certificates.valid(*client))
    with running(tmp_path, security) as address:
        with pytest.raises(ClusterError, match=what) as caught:
            connect(address, security=security)
        tried(23, f"connect: certificate of the scheduler {scheduler}, ours {client} days", str(caught.value))
        monkeypatch.setattr(connecting, "why_not_valid", lambda _: "")  # as if the clocks of the two were not the same
        with pytest.raises(ClusterError, match=told_by_it):
            connect(address, security=security)


@contextmanager
def running(folder: Path, security: Security) -> Iterator[str]:
    """The address of a scheduler with these certificates, in a process of its own."""
    file = folder / "tls.yaml"
    file.write_text(json.dumps(as_configuration(security)))
    with dask_processes.scheduler(folder, file) as (address, _):
        yield address
