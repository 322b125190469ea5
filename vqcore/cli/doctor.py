"""`doctor`: what is here, what is missing, and how to put it right."""

from __future__ import annotations

import os
import platform
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from rich.console import Console

from vqcore.cli.console import console as plain_console
from vqcore.errors import VQError
from vqcore.runs.store import RunStore, runs_folder

PACKAGES = ("streamlit", "torch", "plotly", "umap-learn", "scikit-learn", "pydantic", "distributed", "cryptography", "safetensors", "pooch")
ENGINE_SECONDS = 90.0  # a cold disk and two cores: torch alone may take ten

Verdict = Literal["ok", "note", "missing"]
_SIGNS: dict[Verdict, tuple[str, str]] = {"ok": ("ok", "green"), "note": ("note", "yellow"), "missing": ("MISSING", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `note`: something optional is not there; `missing`: something needed is not, and `remedy` says what to do."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


def run(console: Console | None = None) -> bool:
    """Print every finding as it comes. Returns whether everything that is needed is there."""
    console = console or plain_console()
    well = True
    for finding in findings():
        sign, colour = _SIGNS[finding.verdict]
        console.print(f"{sign:>8}", style=colour, end="  ")
        console.print(f"{finding.subject}: {finding.text}")
        if finding.remedy:
            console.print(f"{'':>8}  → {finding.remedy}")
        well &= finding.verdict != "missing"
    console.print("\nEverything needed is here." if well else "\nSomething needed is missing: see the arrows above.")
    return well


def findings() -> Iterator[Finding]:
    """Every check in turn. A check that fails in a way nobody foresaw is a finding as well."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (python, packages, devices, compiler, data, runs, engine)
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            remedy = "" if isinstance(error, VQError) else "Please report this, with the line above."
            yield Finding(check.__name__, "missing", f"{type(error).__name__}: {error}", remedy)


def python() -> Iterator[Finding]:
    """The interpreter and the system."""
    text = f"{platform.python_version()} on {platform.platform()}"
    yield Finding("python", "ok", text)


def packages() -> Iterator[Finding]:
    """The installed version of each package that matters."""
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    yield Finding("packages", "ok", ", ".join(found))
    if absent:
        yield Finding("packages", "missing", ", ".join(absent), "pip install -r requirements.txt")


def devices() -> Iterator[Finding]:
    """What torch can train on, and what a run with device "auto" would take."""
    import torch

    from vqcore.device import available_devices, choose_device

    yield Finding("processor", "ok", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads for torch")
    for name in available_devices():
        if name == "cuda":
            for i in range(torch.cuda.device_count()):
                gib = torch.cuda.get_device_properties(i).total_memory / 2**30
                yield Finding("GPU", "ok", f"{torch.cuda.get_device_name(i)}, {gib:.0f} GiB")
        elif name == "mps":
            yield Finding("GPU", "ok", "Apple's, by way of Metal")
    yield Finding("device", "ok", f"runs with device 'auto' train on: {choose_device('auto').type}")


def compiler() -> Iterator[Finding]:
    """Where UMAP's compiler keeps its work, which takes about a minute to do anew."""
    from vqcore.analysis.compiler import SETTING, cache_place

    place = cache_place()
    remedy = f"Set {SETTING} to a folder of yours that can be written."
    if place.folder is None:
        yield Finding("UMAP", "note", "nothing that is compiled for it can be kept: each start compiles for about a minute", remedy)
    elif not place.lasting:
        text = f"neither its own folder nor the user's can be written: what is compiled for it is kept in {place.folder} for the time being"
        yield Finding("UMAP", "note", text, remedy)
    else:
        yield Finding("UMAP", "ok", f"what is compiled for it is kept in {place.folder}")


def data() -> Iterator[Finding]:
    """Where downloads are kept, which data sets are there, and whether one can be read."""
    from vqcore.config.data import DigitsConfig
    from vqcore.data.registry import DATASETS, data_folder, load, missing

    folder = data_folder()
    yield Finding("data", "ok", f"downloads are kept in {folder}" + ("" if os.environ.get("VQ_DATA") else " (VQ_DATA would change that)"))
    built_in = [name for name, entry in DATASETS.items() if not entry.download_bytes]
    digits = load(DigitsConfig())
    yield Finding("data", "ok", f"without network: {', '.join(built_in)}; read {len(digits.x):,} digits")
    for name, entry in DATASETS.items():
        if not entry.download_bytes:
            continue
        if absent := missing(name):
            text = f"{name} is not here yet; it is downloaded at first use ({entry.download_bytes / 2**20:.0f} MB)"
            yield Finding("data", "note", text, f"Without network, put in {absent[0].parent}: {', '.join(path.name for path in absent)}")
        else:
            yield Finding("data", "ok", f"{name} is here")


def runs() -> Iterator[Finding]:
    """Whether runs can be written where the pages look for them."""
    folder = runs_folder()
    probe = folder / f".doctor-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        text = f"{folder} cannot be written ({error.strerror})"
        yield Finding("runs", "missing", text, "Set VQ_RUNS to a folder of yours, or change the permissions of this one.")
        return
    from vqcore.runs.files import free_bytes

    gib = free_bytes(folder) / 2**30
    if gib < 1:
        yield Finding("runs", "note", f"{folder} can be written, but its disk has only {gib:.1f} GiB left", "A run takes up to 100 MB.")
    else:
        yield Finding("runs", "ok", f"{folder} can be written, {gib:,.0f} GiB free")


def engine() -> Iterator[Finding]:
    """Start an engine as the pages do, ask its light worker something, and stop it."""
    from vqcore.jobs.engine import Engine

    address = os.environ.get("VQ_SCHEDULER", "").strip()
    with tempfile.TemporaryDirectory(prefix="vq-doctor-") as empty:
        # not the real runs: an engine trains what waits there
        service = Engine(RunStore(Path(empty)))
        began = time.perf_counter()
        try:
            service.start()
            while (health := service.health()).state == "starting" and time.perf_counter() - began < ENGINE_SECONDS:
                time.sleep(0.1)
            if health.state != "ready":
                remedy = (
                    f"Is the scheduler at {address} (VQ_SCHEDULER) running?" if address else "Close other programs, or read the message."
                )
                yield Finding("engine", "missing", f"{health.message} Not ready after {ENGINE_SECONDS:.0f} s.", remedy)
                return
            ready = time.perf_counter() - began
            service.light("vqcore.jobs.worker:ping").result(ENGINE_SECONDS)
            where = address or "its own process on this machine"
            slots = f"{health.slots} run{'s' if health.slots > 1 else ''} at a time"
            yield Finding("engine", "ok", f"{where}, ready in {ready:.1f} s, {slots}, the light worker answers")
        finally:
            service.close()
