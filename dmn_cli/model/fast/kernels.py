"""The compiled kernels of ``kernels.c``, where they were built: loading, checking and calling them through ctypes.

``scan`` and ``gate`` ask ``usable`` and then call the four functions at the end of this file, with the signatures of
their PyTorch forms. DMN_KERNELS=0 turns the kernels off, DMN_KERNELS=avx2 or base keeps them to that instruction set.
"""

import ctypes
import hashlib
import importlib.util
import os
from array import array
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

LEVELS = ("base", "avx2", "avx512")  # the instruction sets; base is SSE2 or NEON
ROWS_A_THREAD = 64  # fewer are not worth a thread


class _Scan(ctypes.Structure):
    """``struct scan`` of kernels.c, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("parts", "attention", "hidden", "table", "rows", "sequences", "steps")),
        *((name, ctypes.c_void_p) for name in ("sizes", "index", "inputs", "state", "weight", "bias", "gate")),
        *((name, ctypes.c_void_p) for name in ("states", "last", "saved", "d_states", "d_last")),
        *((name, ctypes.c_void_p) for name in ("d_inputs", "d_state", "d_weight", "d_bias", "d_gate")),
    )


class _Gate(ctypes.Structure):
    """``struct gate`` of kernels.c, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("parts", "hidden", "units", "facts_count", "questions_count", "rows")),
        *((name, ctypes.c_void_p) for name in ("fact", "question", "facts", "other", "bilinear", "weight")),
        *((name, ctypes.c_void_p) for name in ("per_fact", "per_question", "once", "w2", "b2")),
        *((name, ctypes.c_void_p) for name in ("first", "logits", "d_out")),
        *((name, ctypes.c_void_p) for name in ("d_facts", "d_other", "d_bilinear", "d_weight")),
        *((name, ctypes.c_void_p) for name in ("d_per_fact", "d_per_question", "d_once", "d_w2", "d_b2")),
    )


@cache
def _library() -> ctypes.CDLL | str:
    """The library, or why there is none."""
    spec = importlib.util.find_spec("dmn_cli.model.fast._kernels")
    if spec is None or spec.origin is None:
        return "not built, for want of a C compiler when the package was installed"
    try:
        library = ctypes.CDLL(spec.origin)
        library.dmn_source.restype = ctypes.c_char_p
        digest = library.dmn_source().decode()
    except (OSError, AttributeError) as error:
        return f"not loaded: {error}"
    source = Path(__file__).with_name("kernels.c")
    if source.is_file() and hashlib.sha256(source.read_bytes()).hexdigest() != digest:
        return "built from another kernels.c; install the package again"
    library.dmn_team.argtypes = [ctypes.c_void_p]
    run = getattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel", None)  # of the OpenMP that torch itself uses
    library.dmn_team(ctypes.cast(run, ctypes.c_void_p) if run is not None else None)
    return library


def use(path: str) -> str:
    """Choose what ``scan`` and ``gate`` run on, for the whole process.

    Args:
        path: ``"pytorch"``; or the highest instruction set, one of ``LEVELS``, that the compiled kernels may use.

    Returns:
        the instruction set that they use from now on; or ``"pytorch: "`` and the reason.
    """
    global _active
    library = _library()
    if path == "pytorch":
        _active = "pytorch: as asked for"
    elif isinstance(library, str):
        _active = f"pytorch: compiled kernels {library}"
    else:
        _active = LEVELS[library.dmn_use(LEVELS.index(path))]
    return _active


def active() -> str:
    """What ``scan`` and ``gate`` run on (on a CPU, in float32 or float64): see ``use``."""
    if _active is None:
        wish = os.environ.get("DMN_KERNELS", "")
        use("pytorch" if wish == "0" else wish if wish in LEVELS else LEVELS[-1])
    return str(_active)


_active: str | None = None


def paths() -> list[str]:
    """All that ``use`` can choose from on this machine."""
    library = _library()
    return ["pytorch"] if isinstance(library, str) else ["pytorch", *LEVELS[: library.dmn_best() + 1]]


def usable(*tensors: Tensor | None) -> bool:
    """Whether the compiled kernels can take these tensors."""
    given = [tensor for tensor in tensors if tensor is not None]
    dtype = given[0].dtype
    return (
        dtype in (torch.float32, torch.float64)
        and all(tensor.dtype == dtype and tensor.is_cpu for tensor in given)
        and active() in LEVELS
    )


def _call(name: str, job: ctypes.Structure, dtype: torch.dtype) -> None:
    library = _library()
    assert isinstance(library, ctypes.CDLL)
    status = getattr(library, name)(ctypes.byref(job), int(dtype == torch.float64))
    if status == 1:
        raise IndexError("an index is outside its table")
    if status:
        raise MemoryError("no memory for the compiled kernels")


class _Pointers:
    """Addresses of tensors, which it checks and keeps alive."""

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype
        self.kept: list[Tensor] = []

    def __call__(self, tensor: Tensor | None, *shape: int, dtype: torch.dtype | None = None) -> int | None:
        if tensor is None:
            return None
        if tensor.shape != shape or tensor.dtype != (dtype or self.dtype) or not tensor.is_cpu:
            raise ValueError(
                f"found {tuple(tensor.shape)} {tensor.dtype} on {tensor.device}, wanted {shape} {self.dtype} on cpu"
            )
        tensor = tensor.contiguous()
        self.kept.append(tensor)
        return tensor.data_ptr()

    def new(self, like: Tensor | None) -> tuple[Tensor | None, int | None]:
        """A gradient to be filled, and its address."""
        if like is None:
            return None, None
        gradient = like.new_empty(like.shape)
        return gradient, gradient.data_ptr()


def _parts(rows: int) -> int:
    return max(1, min(torch.get_num_threads(), rows // ROWS_A_THREAD))


def scan_forward(
    inputs: Tensor,
    index: Tensor,
    sizes: list[int],
    state: Tensor,
    weight: Tensor,
    bias: Tensor,
    gate: Tensor | None,
    attention: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """States, last states, and if ``keep`` what the backward pass needs of every row."""
    (rows,), (sequences, hidden) = index.shape, state.shape
    states, last = state.new_empty(rows, hidden), state.new_empty(sequences, hidden)
    saved = state.new_empty(rows, (3 if attention else 4) * hidden) if keep else None
    at, steps = _Pointers(state.dtype), array("q", sizes)
    job = _Scan(
        parts=_parts(rows),
        attention=attention,
        hidden=hidden,
        table=inputs.shape[0],
        rows=rows,
        sequences=sequences,
        steps=len(sizes),
        sizes=steps.buffer_info()[0],
        index=at(index, rows, dtype=torch.int64),
        inputs=at(inputs, inputs.shape[0], 3 * hidden),
        state=at(state, sequences, hidden),
        weight=at(weight, 3 * hidden, hidden),
        bias=at(bias, 3 * hidden),
        gate=at(gate, rows),
        states=states.data_ptr(),
        last=last.data_ptr(),
        saved=None if saved is None else saved.data_ptr(),
    )
    _call("dmn_scan_forward", job, state.dtype)
    return states, last, saved


def scan_backward(
    table: int,
    index: Tensor,
    sizes: list[int],
    state: Tensor,
    weight: Tensor,
    gate: Tensor | None,
    attention: bool,
    states: Tensor,
    saved: Tensor,
    d_states: Tensor | None,
    d_last: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients of inputs, state, weight, bias and gate."""
    (rows,), (sequences, hidden) = index.shape, state.shape
    d_inputs, d_state = state.new_empty(table, 3 * hidden), state.new_empty(sequences, hidden)
    d_weight, d_bias = state.new_empty(3 * hidden, hidden), state.new_empty(3 * hidden)
    d_gate = state.new_empty(rows) if gate is not None else None
    at, steps = _Pointers(state.dtype), array("q", sizes)
    job = _Scan(
        parts=_parts(rows),
        attention=attention,
        hidden=hidden,
        table=table,
        rows=rows,
        sequences=sequences,
        steps=len(sizes),
        sizes=steps.buffer_info()[0],
        index=at(index, rows, dtype=torch.int64),
        state=at(state, sequences, hidden),
        weight=at(weight, 3 * hidden, hidden),
        gate=at(gate, rows),
        states=at(states, rows, hidden),
        saved=at(saved, rows, (3 if attention else 4) * hidden),
        d_states=at(d_states, rows, hidden),
        d_last=at(d_last, sequences, hidden),
        d_inputs=d_inputs.data_ptr(),
        d_state=d_state.data_ptr(),
        d_weight=d_weight.data_ptr(),
        d_bias=d_bias.data_ptr(),
        d_gate=None if d_gate is None else d_gate.data_ptr(),
    )
    _call("dmn_scan_backward", job, state.dtype)
    return d_inputs, d_state, d_weight, d_bias, d_gate


def gate_forward(
    facts: Tensor,
    other: Tensor,
    bilinear: Tensor | None,
    fact: Tensor,
    question: Tensor,
    weight: Tensor,
    per_fact: Tensor | None,
    per_question: Tensor | None,
    once: Tensor | None = None,
    w2: Tensor | None = None,
    b2: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The first layer (N, G), before its tanh without ``w2``; and the logits (N,), none without ``w2``."""
    (rows,), units = fact.shape, weight.shape[0]
    first = facts.new_empty(rows, units)
    logits = facts.new_empty(rows if w2 is not None else 0)
    job, at = _gate(facts, other, bilinear, fact, question, weight)
    job.per_fact = at(per_fact, facts.shape[0], units)
    job.per_question = at(per_question, other.shape[0], units)
    job.once = at(once, rows, units)
    job.w2, job.b2 = at(w2, units), at(b2, 1)
    job.first, job.logits = first.data_ptr(), logits.data_ptr()
    _call("dmn_gate_forward", job, facts.dtype)
    return first, logits


def gate_backward(
    d_out: Tensor,
    facts: Tensor,
    other: Tensor,
    bilinear: Tensor | None,
    fact: Tensor,
    question: Tensor,
    weight: Tensor,
    per_fact: Tensor | None,
    per_question: Tensor | None,
    once: Tensor | None = None,
    w2: Tensor | None = None,
    b2: Tensor | None = None,
    first: Tensor | None = None,
) -> tuple[Tensor | None, ...]:
    """The gradients of all that ``gate_forward`` takes; ``first`` is what it gave with ``w2``."""
    (rows,), units = fact.shape, weight.shape[0]
    job, at = _gate(facts, other, bilinear, fact, question, weight)
    job.w2, job.first = at(w2, units), at(first, rows, units)
    job.d_out = at(d_out, rows) if w2 is not None else at(d_out, rows, units)
    d_facts, job.d_facts = at.new(facts)
    d_other, job.d_other = at.new(other)
    d_bilinear, job.d_bilinear = at.new(bilinear)
    d_weight, job.d_weight = at.new(weight)
    d_per_fact, job.d_per_fact = at.new(per_fact)
    d_per_question, job.d_per_question = at.new(per_question)
    d_once, job.d_once = at.new(once)
    d_w2, job.d_w2 = at.new(w2)
    d_b2, job.d_b2 = at.new(b2)
    _call("dmn_gate_backward", job, facts.dtype)
    return d_facts, d_other, d_bilinear, None, None, d_weight, d_per_fact, d_per_question, d_once, d_w2, d_b2


def _gate(
    facts: Tensor, other: Tensor, bilinear: Tensor | None, fact: Tensor, question: Tensor, weight: Tensor
) -> tuple[_Gate, _Pointers]:
    at = _Pointers(facts.dtype)
    (rows,), (count, hidden), questions, units = fact.shape, facts.shape, other.shape[0], weight.shape[0]
    job = _Gate(
        parts=_parts(rows),
        hidden=hidden,
        units=units,
        facts_count=count,
        questions_count=questions,
        rows=rows,
        fact=at(fact, rows, dtype=torch.int64),
        question=at(question, rows, dtype=torch.int64),
        facts=at(facts, count, hidden),
        other=at(other, questions, hidden),
        bilinear=at(bilinear, questions, hidden),
        weight=at(weight, units, 2 * hidden + (bilinear is not None)),
    )
    return job, at
