"""The server: starts and stops the engine, serves plotly.js from the installed package, gives each browser its owner cookie.

`streamlit run app.py` and `uvicorn app:app` both find `app`. A host that runs this file as a plain script sees the same pages;
there the engine starts at first use.
"""

from __future__ import annotations

import asyncio
import logging
import runpy
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import CookieError, SimpleCookie
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx

ROOT = Path(__file__).resolve().parent
MAIN = ROOT / "pages" / "main.py"
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pages.ui import session  # noqa: E402  (needs the path above)
from vqcore.errors import VQError  # noqa: E402

COOKIE_LIFE = 2 * 365 * 24 * 3600  # seconds


def _prefix() -> str:
    """The path under which the server answers, `/lab/user1` or "": Streamlit puts its own routes under it, not those of an app."""
    path = "/".join(part for part in str(st.get_option("server.baseUrlPath") or "").split("/") if part)
    return f"/{path}" if path else ""


PREFIX = _prefix()


class OwnerCookie:
    """Gives each browser a random name that only the server can read. Web sockets and files pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or session.is_owner_token(_cookie(scope)):
            await self.app(scope, receive, send)
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # the page only: a cookie on a file that proxies keep would be handed to everyone
                if headers.get("content-type", "").startswith("text/html"):
                    secure = "; Secure" if scope.get("scheme") == "https" else ""
                    token = secrets.token_urlsafe(32)
                    cookie = f"{session.COOKIE}={token}; Path={PREFIX or '/'}; Max-Age={COOKIE_LIFE}; HttpOnly; SameSite=Lax{secure}"
                    headers.append("set-cookie", cookie)
                    headers["cache-control"] = "no-store"
            await send(message)

        await self.app(scope, receive, with_cookie)


def _cookie(scope: Scope) -> str:
    try:
        jar: SimpleCookie = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return ""
    return jar[session.COOKIE].value if session.COOKIE in jar else ""


class LongLived(StaticFiles):
    """Files that change only with the installed package: browsers keep them for a day, then ask whether they changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=86400"
        return response


def _plotly_folder() -> Path:
    # found, not imported: plotly costs a quarter of a second that the first page need not pay
    spec = find_spec("plotly")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "package_data"


def start_page(request: Request) -> Response:
    """`/start` leads to Start, which as the default page has the address `/` alone."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"./{query}")


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """The engine lives as long as the server."""
    try:
        session.open_engine()
    except VQError as error:  # an unwritable run folder, say: the pages will show the same words
        logging.getLogger("vqlab").error("the engine could not be started: %s", error)
    try:
        yield
    finally:
        await asyncio.to_thread(session.close_engine)  # takes seconds


if get_script_run_ctx(suppress_warning=True) is not None:
    runpy.run_path(str(MAIN), run_name="__main__")
else:
    # Streamlit puts the folder of the script in front of sys.path for each run and takes it out again. Another thread that imports
    # meanwhile passes over an entry of the list, and finds no torch. What is in the list already stays.
    sys.path.append(str(MAIN.parent))
    app = st.App(
        MAIN,
        lifespan=lifespan,
        routes=[Route(f"{PREFIX}/start", start_page), Mount(f"{PREFIX}/plotly", LongLived(directory=_plotly_folder()))],
        middleware=[Middleware(OwnerCookie)],
        on_script_error=session.show_error,
    )
