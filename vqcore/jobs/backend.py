"""The engine's way to its workers: a Dask client of an address, and the process behind that address where it is our own.

Light to import: distributed is imported when a backend starts.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vqcore.errors import EngineError

CONNECT_S = 10.0
CLOSE_S = 9.0  # above what the cluster grants its workers
TRAIN, LIGHT = "train", "light"  # resources; each worker offers one of them


def call(target: str, *args: Any) -> Any:
    """What a worker runs: `target` names it as "module:function"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(*args)


class Backend:
    """Workers to place tasks on. `address` "": a cluster of our own is started, which ends when this process ends."""

    def __init__(self, address: str = "") -> None:
        self.own = not address
        self.address = address
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None
        self._guard = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Connect, starting our own cluster first where that is wanted. Raises EngineError."""
        distributed: Any = importlib.import_module("distributed")
        # a cluster that ends is ours to report, in words
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        security = None
        if self.own:
            announced = self._start_process()
            self.address, self.pid = announced["address"], announced["pid"]
            security = distributed.Security(
                require_encryption=True, tls_ca_file=announced["ca"], tls_client_cert=announced["cert"], tls_client_key=announced["key"]
            )
        try:
            client = distributed.Client(self.address, security=security, timeout=CONNECT_S, set_as_default=False, name="vqlab-engine")
        except (OSError, TypeError, ValueError, RuntimeError) as error:  # TimeoutError is an OSError; TypeError: TLS without keys
            hint = "Is it running, and are its TLS keys in this machine's Dask configuration?" if not self.own else "Restart the server."
            raise EngineError(f"The scheduler at {self.address} did not answer: {error}. {hint}") from None
        with self._guard:
            self._client = None if self._closed else client
        if self._client is None:
            client.close(timeout=2)
            raise EngineError("The engine was closed while it started.")

    def _start_process(self) -> dict[str, Any]:
        root = str(Path(__file__).resolve().parents[2])
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH", ""))))
        # away from the terminal's group: Ctrl-C is for the server, which then closes us in order
        apart: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)} if os.name == "nt" else {"start_new_session": True}
        )
        with self._guard:
            if self._closed:
                raise EngineError("The engine was closed while it started.")
            process = subprocess.Popen(
                [sys.executable, "-m", "vqcore.jobs.cluster"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, **apart
            )
            self._process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise EngineError(
                f"The engine's process ended while it started (exit status {process.wait()}). The server's own output says why."
            )
        announced: dict[str, Any] = json.loads(line)
        return announced

    def alive(self) -> bool:
        """Whether tasks can still be placed and answered."""
        if self._client is None or self._client.status != "running":
            return False
        return self._process is None or self._process.poll() is None

    def ended(self) -> str:
        """Why it is not alive, for people."""
        if self._process is not None:
            # its connections break a moment before the process can be seen to have ended
            with contextlib.suppress(subprocess.TimeoutExpired):
                return f"The engine's process ended (exit status {self._process.wait(1)})."
        return f"The connection to the scheduler at {self.address} was lost."

    def offered(self) -> dict[str, int]:
        """Resource → how many tasks that need it the workers of this moment can run at once. Raises EngineError."""
        try:
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        except Exception as error:  # whatever a lost connection raises
            raise EngineError(f"{self.ended()} {error}") from None
        return {kind: sum(int(worker["resources"].get(kind, 0)) for worker in workers) for kind in (TRAIN, LIGHT)}

    def place(self, kind: str, target: str, *args: Any, priority: int = 0, done: Callable[[Any], None]) -> Any:
        """Run `target` (see `call`) where there is a resource of this kind; `done` is called with the Dask future, in another thread."""
        future = self._client.submit(call, target, *args, resources={kind: 1}, priority=priority, pure=False, retries=0)
        future.add_done_callback(done)
        return future

    def end_worker(self, future: Any) -> bool:
        """Have the nanny kill and restart the worker that runs this task, on whatever host. Whether one was found."""
        try:
            workers = [address for address, keys in self._client.processing().items() if future.key in keys]
            if workers:
                self._client.restart_workers(workers, timeout=CONNECT_S, raise_for_error=False)
        except Exception:  # whatever a lost connection raises; then the worker's end is seen by its silence
            return False
        return bool(workers)

    def close(self) -> None:
        """Leave the cluster; our own ends, its workers keep checkpoints first. Harmless twice, and while `start` still runs."""
        with self._guard:
            self._closed = True
            client, self._client = self._client, None
            process, self._process = self._process, None
        if client is not None:
            client.close(timeout=2)
        if process is not None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()  # this is what it waits for
    try:
        process.wait(CLOSE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
