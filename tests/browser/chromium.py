"""The system's Chromium, driven by Playwright. Nothing but 127.0.0.1 may be asked for anything."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",  # a hidden page of the address bar's, half a second for each window
]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge", "chrome")
_PLACES = (
    "/usr/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
    "C:/Program Files/Microsoft/Edge/Application/msedge.exe",
)
WHERE = "Install Chromium, Chrome or Edge, or set VQ_CHROMIUM to its program."


def find_chromium(playwright: Playwright) -> Path | None:
    """VQ_CHROMIUM, else one on the path or in its usual place, else Playwright's own. None: there is none."""
    if chosen := os.environ.get("VQ_CHROMIUM"):
        return Path(chosen)
    found = [path for name in _NAMES if (path := shutil.which(name))]
    for place in (*found, *_PLACES, playwright.chromium.executable_path):
        if Path(place).is_file():
            return Path(place)
    return None


def launch(playwright: Playwright, executable: Path) -> Browser:
    return playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)


# Remembers in each page when a script run was last asked for (field 11 of Streamlit's BackMsg) and when one last ended:
# a click whose answer is still to come looks like a page at rest.
ASKED = """(() => {
  const asked = (window.vqAsked = { sent: 0, ended: 0 });
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const bytes = ArrayBuffer.isView(data) ? data : new Uint8Array(data instanceof ArrayBuffer ? data : 0);
    if (bytes[0] === 0x5a) asked.sent = performance.now();
    return send.call(this, data);
  };
  new MutationObserver(changes => {
    if (changes.some(change => change.target.dataset.testScriptState === "notRunning")) asked.ended = performance.now();
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-test-script-state"] });
})()"""


@dataclass
class Watch:
    """What went wrong in a browser context without anybody asking."""

    strangers: list[str] = field(default_factory=list)  # requests that would have left this machine
    errors: list[str] = field(default_factory=list)  # exceptions that nobody caught in the page

    def attach(self, context: BrowserContext) -> None:
        """Watch every page of the context. Its browser finds no other machine (ARGUMENTS)."""
        context.add_init_script(ASKED)
        context.on("request", self._request)
        context.on("page", self._page)

    def _request(self, request: Request) -> None:
        if not is_local(request.url):
            self.strangers.append(request.url)

    def _page(self, page: Page) -> None:
        page.on("websocket", lambda socket: None if is_local(socket.url) else self.strangers.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))


def is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about") or parts.hostname in ("127.0.0.1", "localhost")
