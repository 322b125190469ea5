"""The cluster's own process: what it offers, where it listens, when it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from vqcore.errors import EngineError
from vqcore.jobs.cluster import Announcement, gpus, parse_gpus, slot_environments, visible_gpus, wanted_slots

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("cores", "slots"), [(1, 1), (2, 1), (4, 2), (8, 4), (64, 8)])
def test_slots_of_a_machine(cores, slots):
    assert len(slot_environments(None, cores, ())) == slots


def test_a_slot_sees_one_gpu():
    environments = slot_environments(None, 2, ("GPU-a", "GPU-b"))
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in environments] == ["GPU-a", "GPU-b"]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in slot_environments(3, 2, ("0", "1"))] == ["0", "1", "0"]


def test_gpus_and_their_slices_are_told_apart():
    listing = """GPU 0: NVIDIA A100 (UUID: GPU-11aa)
  MIG 3g.20gb     Device  0: (UUID: MIG-22bb)
  MIG 3g.20gb     Device  1: (UUID: MIG-33cc)
GPU 1: NVIDIA A100 (UUID: GPU-44dd)
"""
    assert parse_gpus(listing) == ("MIG-22bb", "MIG-33cc", "GPU-44dd")
    assert parse_gpus("") == ()


TWO = "GPU 0: NVIDIA A100 (UUID: GPU-11aa)\nGPU 1: NVIDIA A100 (UUID: GPU-22bb)\n"
SLICED = "GPU 0: NVIDIA A100 (UUID: GPU-11aa)\n  MIG 3g.20gb  Device  0: (UUID: MIG-33cc)\n  MIG 3g.20gb  Device  1: (UUID: MIG-44dd)\n"


@pytest.mark.parametrize(
    ("setting", "listing", "visible"),
    [
        ("0,-1,1", TWO, ("0",)),
        ("1, 0", TWO, ("1", "0")),
        ("-1", TWO, ()),
        ("1,2,0", TWO, ("1",)),
        ("0,0", TWO, ()),
        ("0,GPU-11", TWO, ()),
        ("GPU-2,GPU-11aa", TWO, ("GPU-2", "GPU-11aa")),
        ("GPU-,0", TWO, ()),
        ("GPU-99,GPU-11aa", TWO, ()),
        ("none", TWO, ()),
        ("MIG-44dd,MIG-33cc", SLICED, ("MIG-44dd", "MIG-33cc")),
        ("0", "", ()),
    ],
)
def test_the_list_of_visible_gpus_is_read_as_cuda_reads_it(setting, listing, visible):
    assert visible_gpus(setting, listing) == visible


def test_gpus_hidden_by_the_environment_stay_hidden(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{TWO}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus() == ("GPU-11aa", "GPU-22bb")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus() == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,-1,1")
    assert gpus() == ("0",)


def test_a_setting_alone_is_no_gpu(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpus() == ()


def test_vq_slots(monkeypatch):
    monkeypatch.delenv("VQ_SLOTS", raising=False)
    assert wanted_slots() is None
    monkeypatch.setenv("VQ_SLOTS", "3")
    assert wanted_slots() == 3
    for wrong in ("0", "-1", "many", "1000"):
        monkeypatch.setenv("VQ_SLOTS", wrong)
        with pytest.raises(EngineError, match=r"VQ_SLOTS.*1 to 256"):
            wanted_slots()


def test_it_listens_on_loopback_keeps_its_keys_and_ends_with_its_input(tools):
    environment = {**os.environ, "VQ_SLOTS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "vqcore.jobs.cluster"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as cluster:
        assert cluster.stdin is not None and cluster.stdout is not None
        announced = Announcement(**json.loads(cluster.stdout.readline()))
        assert announced.address.startswith("tls://127.0.0.1:") and (announced.slots, announced.pid) == (1, cluster.pid)
        me = psutil.Process(cluster.pid)
        # the scheduler's and the nanny's ports, then a worker's
        tools.until(lambda: len(_listening(me)) >= 3)
        assert {address.ip for address in _listening(me)} == {"127.0.0.1"}
        secret = announced.key.splitlines()[1]
        for process in (me, *me.children(recursive=True)):
            assert secret not in " ".join(process.cmdline()) and secret not in str(process.environ())
        tree = me.children(recursive=True)
        cluster.stdin.close()
        assert cluster.wait(10) == 0
        assert cluster.stdout.read() == b""
    assert not psutil.wait_procs(tree, timeout=10)[1]


def test_a_wrong_setting_is_said(monkeypatch):
    environment = {**os.environ, "VQ_SLOTS": "zero", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-m", "vqcore.jobs.cluster"], input=b"", capture_output=True, env=environment, timeout=60)
    assert done.returncode == 1 and b"VQ_SLOTS is 'zero'" in done.stderr and done.stdout == b""


def _listening(process):
    family = (process, *process.children(recursive=True))
    return [connection.laddr for one in family for connection in one.net_connections() if connection.status == psutil.CONN_LISTEN]
