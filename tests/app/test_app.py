"""The server: the owner's cookie, the files it adds, and the two ways of starting it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.scriptrunner.exec_code import modified_sys_path
from streamlit.testing.v1 import AppTest

import app as server
from pages.ui import session
from pages.ui.frame import ON_ACCENT
from pages.ui.tour.cards import CARDS

ROOT = Path(__file__).resolve().parents[2]
GOOD = "a" * 43


def answer(content_type: str, cookie: str = "", kind: str = "http", scheme: str = "http") -> dict[str, str]:
    """The headers that come out of the middleware around an application that answers with this type."""
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        start = "http.response.start" if kind == "http" else "websocket.accept"
        await send({"type": start, "status": 200, "headers": [(b"content-type", content_type.encode())]})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing to receive")

    scope = {"type": kind, "scheme": scheme, "path": "/", "headers": [(b"cookie", cookie.encode())] if cookie else []}
    # in a thread of its own: this one may hold the event loop of a browser that another test opened
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, server.OwnerCookie(inner)(scope, receive, send)).result()
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_a_script_run_leaves_the_list_of_import_folders_alone() -> None:
    # threads import while pages run: an entry taken out under them makes them miss the next one
    before = list(sys.path)
    with modified_sys_path(str(server.MAIN)):
        assert sys.path == before
    assert sys.path == before
    behind = sys.path.index(str(server.MAIN.parent)) > sys.path.index(sysconfig.get_path("purelib"))
    assert behind, "a page must not hide a module of the same name"


def test_a_page_gives_a_new_browser_its_cookie() -> None:
    headers = answer("text/html; charset=utf-8")
    jar: SimpleCookie = SimpleCookie(headers["set-cookie"])
    morsel = jar[session.COOKIE]
    assert session.is_owner_token(morsel.value)
    assert morsel["httponly"] and morsel["samesite"] == "Lax" and morsel["path"] == "/" and int(morsel["max-age"]) > 10_000_000
    assert not morsel["secure"]
    assert headers["cache-control"] == "no-store", "a kept page would hand one cookie to many"


def test_no_two_browsers_get_the_same() -> None:
    assert len({answer("text/html")["set-cookie"] for _ in range(20)}) == 20


def test_over_https_the_cookie_stays_there() -> None:
    assert "Secure" in answer("text/html", scheme="https")["set-cookie"]


def test_who_has_a_cookie_keeps_it() -> None:
    assert "set-cookie" not in answer("text/html", cookie=f"x=1; {session.COOKIE}={GOOD}")


@pytest.mark.parametrize("bad", ["", "short", "a" * 44, "../" * 15, "é" * 43, '"' + "a" * 41 + '"'])
def test_a_forged_form_is_replaced(bad: str) -> None:
    assert "set-cookie" in answer("text/html", cookie=f"{session.COOKIE}={bad}")


@pytest.mark.parametrize("content_type", ["application/javascript", "image/png", "application/json"])
def test_files_carry_no_cookie(content_type: str) -> None:
    assert "set-cookie" not in answer(content_type)


def test_web_sockets_pass_untouched() -> None:
    assert answer("text/html", kind="websocket") == {"content-type": "text/html"}


def test_the_hash_tells_owners_apart_and_hides_the_cookie() -> None:
    assert session.owner_hash(GOOD) != session.owner_hash("b" * 43)
    assert GOOD not in session.owner_hash(GOOD)


def test_as_a_plain_script_it_shows_the_same_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vqcore.jobs.engine import Health

    class Engine:
        def health(self) -> Health:
            return Health("ready", "", 1, 0, 0, 0.0)

    monkeypatch.setenv("VQ_RUNS", str(tmp_path))
    monkeypatch.setattr(session, "engine", Engine)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not at.exception
    assert at.title[0].value == CARDS[0].title


def test_the_settings_that_pages_rely_on() -> None:
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["runner"] == {"postScriptGC": False, "magicEnabled": False}
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["address"] == "127.0.0.1"
    assert config["client"]["showErrorDetails"] == "none"


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two #RRGGBB colours, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_themes_can_be_read(name: str) -> None:
    import tomllib

    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][name]
    grounds = [
        theme["backgroundColor"],
        theme["secondaryBackgroundColor"],
        *(v for k, v in theme["sidebar"].items() if k.endswith("ackgroundColor")),
    ]
    texts = [value for key, value in theme.items() if key.lower().endswith("textcolor") or key in ("linkColor", "primaryColor")]
    assert len(grounds) == 4 and len(texts) > 8
    for ground in grounds:
        for text in texts:
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(theme["primaryColor"], "#FFFFFF" if name == "light" else ON_ACCENT) >= 4.5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> Any:
    return urllib.request.urlopen(url, timeout=10)


def commands(port: int) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    return {
        "streamlit": [*python, "streamlit", "run", "app.py", "--server.headless", "true", "--server.port", str(port)],
        "uvicorn": [*python, "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"],
    }


@pytest.fixture(params=["streamlit", "uvicorn"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A running server whose engine cannot be reached: it must serve all the same, and end when told to."""
    port = free_port()
    log = tmp_path / "server.log"
    environment = os.environ | {"VQ_RUNS": str(tmp_path / "runs"), "VQ_SCHEDULER": f"tcp://127.0.0.1:{free_port()}"}
    with log.open("wb") as out:
        process = subprocess.Popen(commands(port)[request.param], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    get(f"http://127.0.0.1:{port}/_stcore/health").close()
                    break
                except (urllib.error.URLError, ConnectionError):
                    assert process.poll() is None and time.monotonic() < deadline, log.read_text(encoding="utf-8")
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=60)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_a_started_server_answers(address: str) -> None:
    with get(f"{address}/") as page:
        assert session.COOKIE in page.headers["set-cookie"]
    with get(f"{address}/inside?run=x") as deep:
        assert deep.headers["content-type"].startswith("text/html")
    with get(f"{address}/start?card=3") as start:
        assert start.url == f"{address}/?card=3"
    with get(f"{address}/plotly/plotly.min.js") as script:
        assert "javascript" in script.headers["content-type"]
        assert "max-age" in script.headers["cache-control"] and "set-cookie" not in script.headers
        assert len(script.read()) > 1_000_000
    with pytest.raises(urllib.error.HTTPError):
        get(f"{address}/plotly/../../../../etc/passwd")
