"""The link to Dask's dashboard, on this computer and behind a hub."""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dask
import pytest

from dqnkit.cluster import dashboard
from dqnkit.cluster.dashboard import PREFIX, TEMPLATE, dashboard_link, how_to_reach
from dqnkit.deploy import make_cluster


def client(link: str, cluster: Any = None) -> Any:
    return SimpleNamespace(dashboard_link=link, cluster=cluster)


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PREFIX, raising=False)


def test_on_this_computer_the_link_is_the_schedulers_own() -> None:
    assert dashboard_link(client("http://127.0.0.1:8787/status")) == "http://127.0.0.1:8787/status"
    assert dashboard_link(client("")) == dashboard_link(client(None)) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["/user/ada/", "/user/ada"])
def test_behind_a_hub_the_link_goes_through_its_proxy(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX, prefix)
    assert dashboard_link(client("http://127.0.0.1:41234/status")) == "/user/ada/proxy/41234/status"
    assert dashboard_link(client("http://10.0.0.7:8787/status")) == "/user/ada/proxy/10.0.0.7:8787/status"
    assert dashboard_link(client("")) == ""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A kernel of JupyterLab, whose process is the parent of this one; returns the file that it wrote."""
    file = tmp_path / f"jpserver-{os.getppid()}.json"
    file.write_text(json.dumps({"base_url": "/", "pid": os.getppid()}))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1)))
    monkeypatch.setattr(dashboard, "find_spec", lambda name: ModuleSpec(name, None))
    return file


def test_in_jupyterlab_the_link_goes_through_it(notebook: Path) -> None:
    link = dashboard_link(client("http://127.0.0.1:8787/status"))
    assert link == "/proxy/8787/status"
    assert "install" not in how_to_reach(link)
    notebook.write_text(json.dumps({"base_url": "/mine/"}))
    assert dashboard_link(client("http://localhost:8787/status")) == "/mine/proxy/8787/status"
    # by default the proxy passes on nothing of other computers
    assert dashboard_link(client("http://10.0.0.7:8787/status")) == "http://10.0.0.7:8787/status"


@pytest.mark.parametrize("written", ["", "{", "[]", "{}"])
def test_a_file_of_a_server_that_cannot_be_read_changes_nothing(notebook: Path, written: str) -> None:
    notebook.write_text(written)
    assert dashboard_link(client("http://127.0.0.1:8787/status")) == "http://127.0.0.1:8787/status"


def test_a_kernel_that_no_server_started_has_the_schedulers_own(notebook: Path) -> None:
    notebook.rename(notebook.with_name("jpserver-0.json"))
    assert dashboard_link(client("http://127.0.0.1:8787/status")) == "http://127.0.0.1:8787/status"


def test_a_program_that_a_notebook_runs_has_the_schedulers_own(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert dashboard_link(client("http://127.0.0.1:8787/status")) == "http://127.0.0.1:8787/status"


def test_without_the_proxy_the_link_is_the_schedulers_own(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        dashboard, "find_spec", lambda name: None if name == dashboard.PROXY else ModuleSpec(name, None)
    )
    link = dashboard_link(client("http://127.0.0.1:8787/status"))
    assert link == "http://127.0.0.1:8787/status"
    assert "install jupyter-server-proxy beside JupyterLab" in how_to_reach(link)
    assert "pip install jupyter-server-proxy" in how_to_reach("/user/ada/proxy/8787/status")


def test_a_cluster_in_a_cloud_has_none() -> None:
    assert dashboard_link(client("http://203.0.113.7:8787/status", SimpleNamespace(meter=None))) == ""


def test_a_site_that_set_dasks_own_template_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX, "/user/ada/")
    with dask.config.set({TEMPLATE: "https://hub.example/{JUPYTERHUB_SERVICE_PREFIX}/p/{port}"}):
        assert dashboard_link(client("https://hub.example:443/p/8787")) == "https://hub.example:443/p/8787"


def test_a_template_with_an_unknown_variable_gives_no_link() -> None:
    class Client:
        cluster = None

        @property
        def dashboard_link(self) -> str:
            return str({}["NOBODY_SET_THIS"])

    assert dashboard_link(Client()) == ""  # type: ignore[arg-type]


def test_a_sentence_says_what_to_do_where_the_link_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    assert "pip install bokeh" in how_to_reach("http://127.0.0.1:8787/status")
    monkeypatch.setattr(dashboard, "find_spec", lambda name: object())
    assert "ssh -L 8787:127.0.0.1:8787" in how_to_reach("http://127.0.0.1:8787/status")
    assert "install" not in how_to_reach("http://127.0.0.1:8787/status")  # all is there
    assert "jupyter-server-proxy" in how_to_reach("/user/ada/proxy/8787/status")
    assert "no dashboard" in how_to_reach("")


def test_on_colab_the_sentence_has_the_code_that_opens_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    code = how_to_reach("http://127.0.0.1:41234/status").partition(" shows: ")[2].partition(". If")[0]
    assert code == ('from google.colab import output; output.serve_kernel_port_as_window(41234, path="/status")')


@pytest.mark.slow
def test_the_link_of_a_real_cluster_is_on_the_loopback() -> None:
    with make_cluster(n_workers=1) as cluster, cluster.get_client() as real:
        assert dashboard_link(real).startswith("http://127.0.0.1:")
        assert dashboard_link(real).endswith("/status")
