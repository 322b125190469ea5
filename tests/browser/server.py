"""A real server: `streamlit run app.py` as its own process, on a free port of 127.0.0.1, ended with all that it started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0
STOP_S = 30.0


class Server:
    """`runs` and `data` are its VQ_RUNS and VQ_DATA; its output goes to `log`. `script` is what it shows, seen from the root.

    `prefix` is the path under which it answers, as `/lab/user1`.
    """

    def __init__(
        self, runs: Path, data: Path, log: Path, extra: Mapping[str, str] | None = None, script: str = "app.py", prefix: str = ""
    ) -> None:
        self._script, self._prefix = script, prefix
        self.runs, self.data, self.log = runs, data, log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{prefix}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VQ_", "STREAMLIT_"))}
        self._env = {**kept, "VQ_RUNS": str(runs), "VQ_DATA": str(data), "PYTHONUNBUFFERED": "1", **(extra or {})}
        self._process: psutil.Popen | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server has not been started"
        return int(self._process.pid)

    def start(self) -> None:
        """Start, and wait until it answers. Raises RuntimeError with the end of its output when it does not."""
        with self.log.open("ab") as log:
            self._process = psutil.Popen(self.command(), cwd=ROOT, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the server did not start:\n{self.output()}")
            time.sleep(0.05)

    def command(self) -> list[str]:
        options = ["--server.headless", "true", "--server.port", str(self.port), "--server.baseUrlPath", self._prefix]
        return [sys.executable, "-m", "streamlit", "run", self._script, *options]

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def processes(self) -> list[psutil.Process]:
        """The server and all that it started, the server first."""
        if self._process is None or not self._process.is_running():
            return []
        return [self._process, *self._process.children(recursive=True)]

    def stop(self) -> list[psutil.Process]:
        """End it as a terminal would. Returns what was left behind after a while; those are killed."""
        family = self.processes()
        if self._process is None:
            return []
        if self._process.poll() is None:
            self._process.terminate()
        left: list[psutil.Process] = psutil.wait_procs(family, timeout=STOP_S)[1]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=STOP_S)
        self._process.wait()
        return left

    def output(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
