"""The local cluster, in a process of its own: `python -m vqcore.jobs.cluster`. The engine starts it and talks to it as a client.

It writes one JSON line to its standard output, `Announcement`, and then nothing more. It lives as long as its standard
input stays open: at the end of file, which even a killed parent causes, it closes its workers and ends. Workers watch
this process in the same way. Addresses are on loopback; keys are made for this process alone and are kept in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from typing import Any

from vqcore.errors import EngineError

HOST = "127.0.0.1"
TRAIN, LIGHT = "train", "light"  # resources that tasks ask for; workers are named after them
MAX_SLOTS = 8
CLOSE_S = 5.0  # for what trains to keep a checkpoint

# what a person's own dask configuration must not change
DASK: dict[str, Any] = {
    # 0: a run that crashed its worker must not crash the next one too
    "distributed.scheduler.allowed-failures": 0,
    # a kernel that compiles may hold the interpreter for longer than any limit
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.dashboard.status.task-stream-length": 100,
    # no web pages: they would be open to every local user
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # it samples every thread's stack a hundred times a second
    "distributed.worker.profile.enabled": False,
    # what watches for a blocked event loop would wake each of four processes fifty times a second
    "distributed.admin.tick.interval": "1s",
    "distributed.worker.multiprocessing-method": "spawn",
    # Dask would pin libraries to one thread, and make the allocator give memory back after each training step
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(
        ("MALLOC_TRIM_THRESHOLD_", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    ),
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a client needs. `ca`, `cert` and `key` are PEM text: whoever has them may run code here, so they travel by pipe only."""

    address: str
    ca: str
    cert: str
    key: str
    slots: int
    pid: int


def slot_environments(slots: int | None, cores: int, gpus: tuple[str, ...]) -> tuple[dict[str, str], ...]:
    """The environment of each train slot. `slots` None: one a GPU, else one for two cores, at most 8."""
    if slots is None:
        slots = len(gpus) or min(MAX_SLOTS, max(1, cores // 2))
    environments = []
    for i in range(slots):
        # A thread that spins while it waits takes the core that another slot, the server, or the browser needs. Two threads on two
        # busy cores: 4 to 10 steps/s spinning, 20 to 30 passive. On a machine that does nothing else spinning wins by 15 to 30 %.
        environment = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
        if gpus:
            # Dask counts resources and pins nothing: a slot sees its own GPU only
            environment["CUDA_VISIBLE_DEVICES"] = gpus[i % len(gpus)]
        environments.append(environment)
    return tuple(environments)


def wanted_slots() -> int | None:
    """`VQ_SLOTS`, or None where it is not set. Raises EngineError when it is no number from 1 to 256."""
    text = os.environ.get("VQ_SLOTS", "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise EngineError(f"VQ_SLOTS is {text!r}; it takes a whole number from 1 to 256, or nothing for this machine's own number.")
    return int(text)


def gpus() -> tuple[str, ...]:
    """Names for CUDA_VISIBLE_DEVICES, one a GPU or MIG slice; () without any. Does not import torch, and opens no context."""
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    if setting is not None and not setting.strip():
        return ()
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        listing = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(listing) if setting is None else visible_gpus(setting, listing)


def parse_gpus(listing: str) -> tuple[str, ...]:
    """The identifiers in the output of `nvidia-smi -L`; a GPU that is cut into MIG slices stands for its slices."""
    return tuple(name for gpu, slices in _listed(listing) for name in slices or (gpu,))


def visible_gpus(setting: str, listing: str) -> tuple[str, ...]:
    """What CUDA sees of the GPUs in the output of `nvidia-smi -L` under this CUDA_VISIBLE_DEVICES.

    Its rule: names count up to the first that no GPU has, such as -1; one that is given twice leaves none.
    """
    gpus = _listed(listing)
    names: list[str] = []
    chosen: list[str] = []
    for name in (part.strip() for part in setting.split(",")):
        device = _device(name, gpus)
        if device is None:
            break
        if device in chosen:
            return ()
        chosen.append(device)
        names.append(name)
    return tuple(names)


def _device(name: str, gpus: list[tuple[str, list[str]]]) -> str | None:
    """The GPU or slice of this name: a number, or the beginning of an identifier that only one has."""
    if number := re.match(r"\+?\d+", name):  # CUDA reads a number and passes over what comes after it
        return gpus[int(number[0])][0] if int(number[0]) < len(gpus) else None
    if not name.startswith(("GPU-", "MIG-")):
        return None
    known = [device for gpu, slices in gpus for device in (gpu, *slices)]
    matching = [device for device in known if device.startswith(name)]
    return matching[0] if len(matching) == 1 else None


def _listed(listing: str) -> list[tuple[str, list[str]]]:
    """Each GPU's identifier, with those of its MIG slices."""
    gpus: list[tuple[str, list[str]]] = []
    for line in listing.splitlines():
        if match := re.search(r"UUID: ((?:GPU|MIG)-[^)\s]+)", line):
            if match[1].startswith("MIG") and gpus:
                gpus[-1][1].append(match[1])
            else:
                gpus.append((match[1], []))
    return gpus


def main() -> None:
    """Serve until the standard input ends."""
    announcements = _take_stdout()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    # before the slow imports: a parent that dies meanwhile is noticed too
    threading.Thread(target=_watch_stdin, args=(loop, ended), daemon=True).start()
    with contextlib.suppress(NotImplementedError, ValueError):  # Windows has no such handlers
        loop.add_signal_handler(signal.SIGTERM, ended.set)
    status = 1
    try:
        loop.run_until_complete(_serve(announcements, ended))
        status = 0
    except EngineError as error:
        sys.stderr.write(f"The engine's process could not start: {error}\n")
    finally:
        sys.stderr.flush()
        # a thread waits on the standard input, and dask's may still be closing: nothing left is worth waiting for
        os._exit(status)


def _take_stdout() -> int:
    """A private copy of the standard output, which then goes to the standard error: a stray print must not reach the parent."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def _watch_stdin(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    loop.call_soon_threadsafe(ended.set)


async def _serve(announcements: int, ended: asyncio.Event) -> None:
    # read when distributed is imported, here and in the workers
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "error")
    # multiprocessing's helper tidies up after an abrupt end, as it should, and need not tell
    quiet = "ignore:resource_tracker:UserWarning"
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS", ""), quiet)))
    import dask

    dask.config.set(DASK)
    from dask.system import CPU_COUNT

    distributed: Any = importlib.import_module("distributed")
    security = distributed.Security.temporary()
    environments = slot_environments(wanted_slots(), CPU_COUNT, gpus())
    async with distributed.Scheduler(
        host=HOST, port=0, protocol="tls", security=security, dashboard=False, dashboard_address=f"{HOST}:0"
    ) as scheduler:
        announcement = Announcement(
            address=scheduler.address,
            ca=security.tls_ca_file,
            cert=security.tls_client_cert,
            key=security.tls_client_key,
            slots=len(environments),
            pid=os.getpid(),
        )
        with os.fdopen(announcements, "wb") as file:
            file.write(json.dumps(asdict(announcement)).encode() + b"\n")

        def nanny(name: str, kind: str, environment: dict[str, str]) -> Any:
            return distributed.Nanny(
                scheduler.address,
                host=HOST,
                protocol="tls",
                security=security,
                name=name,
                nthreads=1,
                resources={kind: 1},
                memory_limit=0,  # the system's own limit: half of the memory may be fine for the only run
                preload=["vqcore.jobs.preload"],
                env=environment,
                dashboard_address=f"{HOST}:0",
            )

        train = [nanny(f"{TRAIN}-{i}", TRAIN, environment) for i, environment in enumerate(environments)]
        light = nanny(LIGHT, LIGHT, {"CUDA_VISIBLE_DEVICES": ""} if gpus() else {})
        starting = asyncio.ensure_future(_start(train, light))
        await ended.wait()
        starting.cancel()
        # those that are still starting have nothing to lose, and see our end by themselves
        closing = [worker.close(timeout=CLOSE_S) for worker in (*train, light) if worker.status.name == "running"]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), CLOSE_S + 1)


async def _start(train: list[Any], light: Any) -> None:
    # the light worker after the others: all that wait for the engine wait for a slot first
    results = await asyncio.gather(*train, return_exceptions=True)
    results.append(await asyncio.gather(light, return_exceptions=True))
    for result in results:
        if isinstance(result, BaseException):
            sys.stderr.write(f"A worker could not start: {result}\n")


if __name__ == "__main__":
    main()
