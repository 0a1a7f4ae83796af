"""The script that each machine runs when it boots; cloud-init, a part of Ubuntu's images, runs it.

Its first command limits the machine's lifetime, before anything that could fail. Its last command ends the machine as
soon as Dask has ended. So a forgotten machine costs no more than its lifetime, even if this computer is switched off.
On Google's cloud a machine that shuts down is kept, and its disk is paid for: there Google deletes it, not the script.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from distributed import Security

from dqnkit.errors import ConfigError

PORT = 8786  # of the scheduler
NO_DASHBOARD = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")  # even without it an HTTP server is started
LIMIT = 16_384  # bytes of user data that EC2 accepts, before base64
SETTINGS = "/etc/dqnkit/dask.json"  # on the machine; contains a private key of this cluster

SCRIPT = """\
#cloud-config
# Dask's settings, with the certificates of this cluster and no other secret. The file is for root only.
write_files:
  - path: {settings}
    permissions: "0600"
    content: {content}
runcmd:
{first}
  # Docker, from Ubuntu's own packages, and the container's image.
  - {install}
  - {pull}
  # Dask, in a container. It ends when its scheduler has had nothing to do for a while, or is gone.
  - {run}
{last}"""
END_FIRST = """\
  # The end of this machine, in minutes, comes first.
  - shutdown -P +{minutes}"""
END_LAST = """\
  # Then the machine has nothing left to do.
  - shutdown -P now
"""
CLOUD_ENDS_IT = "  # The cloud itself deletes this machine when its time is over."
AGAIN = "for i in 1 2 3 4 5; do {command} && break; sleep 10; done"
INSTALL = AGAIN.format(command="apt-get update -q && apt-get install -yq docker.io")


def script(
    *,
    image: str,
    command: Sequence[str],
    settings: Mapping[str, Any],
    pip_packages: Sequence[str],
    lifetime: float,
    shuts_down: bool = True,
) -> str:
    """The user data of one machine.

    Args:
        image: of the container.
        command: runs in the container.
        settings: Dask's configuration in the container.
        pip_packages: installed when the container starts; Dask's own images do that.
        lifetime: seconds from the start of the machine to its end.
        shuts_down: the machine shuts down after its lifetime, and when Dask has ended; else the cloud must delete it.

    Raises:
        ConfigError: it is longer than EC2 accepts.
    """
    variables = {"DASK_CONFIG": SETTINGS}
    if pip_packages:
        variables["EXTRA_PIP_PACKAGES"] = " ".join(pip_packages)
    run = ["docker", "run", "--rm", "--net=host", "--volume", f"{SETTINGS}:{SETTINGS}:ro"]
    for name, value in variables.items():
        run += ["--env", f"{name}={value}"]
    text = SCRIPT.format(
        settings=SETTINGS,
        content=json.dumps(json.dumps(settings)),  # a JSON string is also a YAML string
        first=END_FIRST.format(minutes=round(lifetime / 60)) if shuts_down else CLOUD_ENDS_IT,
        install=json.dumps(INSTALL),
        pull=json.dumps(AGAIN.format(command=shlex.join(["docker", "pull", "-q", image]))),
        run=json.dumps(shlex.join([*run, image, *command])),
        last=END_LAST if shuts_down else "",
    )
    if (size := len(text.encode())) > LIMIT:
        raise ConfigError(
            f"the machine's boot script has {size:,} bytes, and a cloud takes {LIMIT:,}: shorten pip_packages, or take "
            "an image that has them"
        )
    return text


def settings(security: Security, role: str) -> dict[str, Any]:
    """Dask's settings for a scheduler or worker: the certificates of its role; connections without TLS are refused."""
    own = security.get_tls_config_for_role(role)
    tls = {"ca-file": own["ca_file"], role: {"key": own["key"], "cert": own["cert"]}}
    comm = {"require-encryption": True, "default-scheme": "tls", "tls": tls}
    return {"distributed": {"comm": comm, "worker": {"profile": {"enabled": False}}}}


def scheduler_command(idle_timeout: float) -> list[str]:
    """The command for the scheduler. It has no dashboard, and ends after so many seconds without work."""
    python = ["python", "-m", "distributed.cli.dask_scheduler", "--protocol", "tls", "--port", str(PORT)]
    return [*python, *NO_DASHBOARD, "--idle-timeout", f"{idle_timeout:.0f} s"]


def worker_command(scheduler: str, name: str, threads: int, patience: float) -> list[str]:
    """The command for a worker. It ends if it finds no scheduler for `patience` seconds. 0 threads: one a CPU."""
    python = ["python", "-m", "distributed.cli.dask_worker", scheduler, "--name", name]
    number = ["--nthreads", str(threads)] if threads else []
    return [*python, *number, *NO_DASHBOARD, "--death-timeout", f"{patience:.0f}"]


def without_keys(script: str) -> str:
    """A script in which the words "(private key)" stand for each private key, so that it can be shown."""
    return re.sub(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", "(private key)", script, flags=re.DOTALL)
