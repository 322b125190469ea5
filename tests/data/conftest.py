"""Small IDX files, and a server on this machine that hands files out well or badly."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from vqcore.data.download import Remote, RemoteFile
from vqcore.data.registry import DATASETS

TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


@pytest.fixture(scope="session")
def idx_bytes() -> Callable[[np.ndarray], bytes]:
    """Array → the bytes of an IDX file, written from the format's description and apart from the parser."""

    def encode(array: np.ndarray) -> bytes:
        kind = TYPES[array.dtype.str[1:]]
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
        return header + array.astype(array.dtype.newbyteorder(">")).tobytes()

    return encode


@pytest.fixture(scope="session")
def small_files(idx_bytes: Callable[[np.ndarray], bytes]) -> dict[str, bytes]:
    """Name → unpacked bytes of a set in MNIST's form: 40 training and 10 test pictures."""
    generator = np.random.default_rng(5)
    return {
        f"{part}-{what}": idx_bytes(array.astype(np.uint8))
        for part, count in (("train", 40), ("t10k", 10))
        for what, array in (
            ("images-idx3-ubyte", generator.integers(0, 256, (count, 28, 28))),
            ("labels-idx1-ubyte", generator.integers(0, 10, count)),
        )
    }


@pytest.fixture(scope="session")
def place_files(small_files: dict[str, bytes]) -> Callable[[Path], Path]:
    """Makes a data folder in which both MNIST and Fashion-MNIST were placed by hand, one packed and one unpacked."""

    def make(root: Path) -> Path:
        for folder, pack in (("MNIST", True), ("FashionMNIST", False)):
            raw = root / folder / "raw"
            raw.mkdir(parents=True)
            for name, data in small_files.items():
                (raw / (f"{name}.gz" if pack else name)).write_bytes(gzip.compress(data) if pack else data)
        return root

    return make


@pytest.fixture
def placed(place_files: Callable[[Path], Path], tmp_path: Path) -> Path:
    """Such a folder, for one test to change."""
    return place_files(tmp_path / "placed")


@dataclass
class Server:
    """`files`: path → body. `cut`: paths whose body ends half way. `status`: path → answer other than 200. `asked`: what came."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    unannounced: set[str] = field(default_factory=set)
    status: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *args: object) -> None:
        self.hub = server
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.hub.asked.append(self.path)
        body = self.hub.files.get(self.path, b"")
        status = self.hub.status.get(self.path, 200 if self.path in self.hub.files else 404)
        self.send_response(status)
        if self.path not in self.hub.unannounced:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path in self.hub.cut else body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `asked` instead."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    # a proxy that the environment names must not stand between a test and its own machine
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    hub = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, hub))
    hub.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hub
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def remote(server: Server, small_files: dict[str, bytes]) -> Remote:
    """The small set on two mirrors of the server, /first/ and /second/, with true sizes and hashes."""
    files = []
    for name, data in small_files.items():
        packed = gzip.compress(data)
        files.append(RemoteFile(name, len(packed), hashlib.sha256(packed).hexdigest()))
        for mirror in ("first", "second"):
            server.files[f"/{mirror}/{name}.gz"] = packed
    return Remote("Small", "MNIST/raw", (f"{server.url}/first/", f"{server.url}/second/"), tuple(files))


@pytest.fixture
def small_mnist(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """The registry's mnist, downloading the small set from the server."""
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], remote=remote))
    return remote
