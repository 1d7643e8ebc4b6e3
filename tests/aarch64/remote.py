"""A pytest plugin: the compiled kernels of another processor do the work, in a program that DMN_REMOTE names.

`tests/aarch64/run` makes that program and runs the tests of the kernels with it.
"""

import ctypes
import os
import shlex
import struct
import subprocess

import torch

from dmn_cli.model.fast import kernels

FUNCTIONS = ("dmn_scan_forward", "dmn_scan_backward", "dmn_gate_forward", "dmn_gate_backward")
calls = 0


def lengths(job: ctypes.Structure) -> dict[str, int]:
    """The elements of every buffer of a job, by its field: the shapes that kernels.c names."""
    if isinstance(job, kernels._Scan):
        H, N, B, R = job.hidden, job.rows, job.sequences, job.table
        saved = N * (3 if job.attention else 4) * H
        inputs = {"sizes": job.steps, "index": N, "inputs": R * 3 * H, "state": B * H, "weight": 3 * H * H}
        inputs |= {"bias": 3 * H, "gate": N, "states": N * H, "last": B * H, "saved": saved}
        return inputs | {
            f"d_{name}": inputs[name] for name in ("states", "last", "inputs", "state", "weight", "bias", "gate")
        }
    H, G, C, Q, N = job.hidden, job.units, job.facts_count, job.questions_count, job.rows
    K = 2 * H + (job.bilinear is not None)
    inputs = {"fact": N, "question": N, "facts": C * H, "other": Q * H, "bilinear": Q * H, "weight": G * K}
    inputs |= {"per_fact": C * G, "per_question": Q * G, "once": N * G, "w2": G, "b2": 1, "first": N * G, "logits": N}
    outputs = ("facts", "other", "bilinear", "weight", "per_fact", "per_question", "once", "w2", "b2")
    return inputs | {"d_out": N if job.w2 else N * G} | {f"d_{name}": inputs[name] for name in outputs}


def call(name: str, job: ctypes.Structure, dtype: torch.dtype) -> None:
    """As kernels._call."""
    global calls
    calls += 1
    assert remote.stdin is not None
    assert remote.stdout is not None
    elements, width = lengths(job), torch.empty((), dtype=dtype).element_size()
    buffers = []
    message = [struct.pack("qqq", FUNCTIONS.index(name), width == 8, len(job._fields_))]
    for field, kind in job._fields_:
        value = getattr(job, field)
        if kind is ctypes.c_int64:
            message.append(struct.pack("qq", 0, value))
        elif value is None or not elements[field]:
            message.append(struct.pack("qq", 1, -1 if value is None else 0))
        else:
            bytes_ = elements[field] * (8 if field in ("sizes", "index", "fact", "question") else width)
            buffers.append((value, bytes_))
            message += [struct.pack("qq", 1, bytes_), ctypes.string_at(value, bytes_)]
    remote.stdin.write(b"".join(message))
    remote.stdin.flush()
    (status,) = struct.unpack("q", remote.stdout.read(8))
    for address, bytes_ in buffers:
        ctypes.memmove(address, remote.stdout.read(bytes_), bytes_)
    if status:
        raise IndexError("an index is outside its table") if status == 1 else MemoryError


def pytest_sessionfinish() -> None:
    """Say how much was done there, and end it."""
    with remote:
        print(f"\n{calls:,} calls of the compiled kernels by {os.environ['DMN_REMOTE'].split()[0]}")
    assert calls
    assert remote.returncode == 0


remote = subprocess.Popen(shlex.split(os.environ["DMN_REMOTE"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
kernels._call = call
kernels.paths = lambda: ["pytorch", "base"]
kernels.use("base")
