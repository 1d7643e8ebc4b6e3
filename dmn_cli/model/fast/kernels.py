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
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dmn_cli.model.fast.gate import Sums, Terms

LEVELS = ("base", "avx2", "avx512")  # the instruction sets; base is SSE2 or NEON
ROWS_A_THREAD = 64  # fewer are not worth a thread
WEIGHINGS = SIGMOID, SOFTMAX, LATEST, EARLIEST = range(4)  # how logits become gates


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
        *((name, ctypes.c_int64) for name in ("once_rows", "stride", "product", "difference", "dot")),
        *((name, ctypes.c_void_p) for name in ("fact", "question", "row", "facts", "other", "both", "weight")),
        *((name, ctypes.c_void_p) for name in ("per_fact", "bias", "once", "further", "w2", "b2")),
        *((name, ctypes.c_void_p) for name in ("first", "logits", "d_out")),
        *((name, ctypes.c_void_p) for name in ("d_facts", "d_other", "d_both", "d_weight")),
        *((name, ctypes.c_void_p) for name in ("d_per_fact", "d_bias", "d_once", "d_further", "d_w2", "d_b2")),
    )


class _Weigh(ctypes.Structure):
    """``struct weigh`` of kernels.c, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("kind", "rows", "sequences", "steps")),
        *((name, ctypes.c_void_p) for name in ("sizes", "logits", "log_g", "g", "d_log_g", "d_g", "d_logits")),
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
    dtypes = set()
    for tensor in tensors:
        if tensor is not None:
            if not tensor.is_cpu:
                return False
            dtypes.add(tensor.dtype)
    return len(dtypes) == 1 and dtypes <= {torch.float32, torch.float64} and active() in LEVELS


def _call(name: str, job: ctypes.Structure, dtype: torch.dtype) -> None:
    library = _library()
    assert isinstance(library, ctypes.CDLL)
    status = getattr(library, name)(ctypes.byref(job), int(dtype == torch.float64))
    if status == 1:
        raise IndexError("an index is outside its table")
    if status == 3:
        raise ValueError("sizes must never increase, sum to the number of rows and stay within the sequences")
    if status:
        raise MemoryError("no memory for the compiled kernels")


def _at(tensor: Tensor | None) -> int | None:
    """The address of a tensor, which must be contiguous and outlive the call."""
    return None if tensor is None else tensor.data_ptr()


def checked(tensor: Tensor, *shape: int) -> Tensor:
    """The tensor, contiguous.

    Raises:
        ValueError: it has not this shape: a kernel would read past its end.
    """
    if tensor.shape != shape:
        raise ValueError(f"found {tuple(tensor.shape)}, wanted {shape}")
    return tensor.contiguous()


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
    steps = array("q", sizes)
    job = _Scan(
        parts=_parts(rows),
        attention=attention,
        hidden=hidden,
        table=inputs.shape[0],
        rows=rows,
        sequences=sequences,
        steps=len(sizes),
        sizes=steps.buffer_info()[0],
        index=_at(index),
        inputs=_at(inputs),
        state=_at(state),
        weight=_at(weight),
        bias=_at(bias),
        gate=_at(gate),
        states=_at(states),
        last=_at(last),
        saved=_at(saved),
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
    d_states, d_last = (None if d is None else d.contiguous() for d in (d_states, d_last))
    steps = array("q", sizes)
    job = _Scan(
        parts=_parts(rows),
        attention=attention,
        hidden=hidden,
        table=table,
        rows=rows,
        sequences=sequences,
        steps=len(sizes),
        sizes=steps.buffer_info()[0],
        index=_at(index),
        state=_at(state),
        weight=_at(weight),
        gate=_at(gate),
        states=_at(states),
        saved=_at(saved),
        d_states=_at(d_states),
        d_last=_at(d_last),
        d_inputs=_at(d_inputs),
        d_state=_at(d_state),
        d_weight=_at(d_weight),
        d_bias=_at(d_bias),
        d_gate=_at(d_gate),
    )
    _call("dmn_scan_backward", job, state.dtype)
    return d_inputs, d_state, d_weight, d_bias, d_gate


def gate_forward(terms: "Terms") -> tuple[Tensor, Tensor]:
    """W1 z + b1 (N, G), with ``w2`` its tanh; and the logits (N,), none without ``w2``."""
    (rows,), units = terms.fact.shape, terms.W1.shape[0]
    first = terms.facts.new_empty(rows, units)
    logits = terms.facts.new_empty(rows if terms.w2 is not None else 0)
    job = _gate(terms)
    job.b2, job.first, job.logits = _at(terms.b2), _at(first), _at(logits)
    _call("dmn_gate_forward", job, first.dtype)
    return first, logits


def gate_backward(d_out: Tensor, terms: "Terms", first: Tensor | None, sums: "Sums") -> None:
    """Add to the gradients of ``terms``; ``first`` is what ``gate_forward`` gave with ``w2``."""
    d_out = d_out.contiguous()
    job = _gate(terms)
    job.first, job.d_out = _at(first), _at(d_out)
    job.d_facts, job.d_other, job.d_both, job.d_weight, job.d_per_fact, job.d_bias = map(_at, sums[:6])
    job.d_once, job.d_further, job.d_w2, job.d_b2 = map(_at, sums[6:])
    _call("dmn_gate_backward", job, first.dtype if first is not None else d_out.dtype)


def _gate(terms: "Terms") -> _Gate:
    facts, other, both, fact, question, W1, columns, per_fact, bias, once, kept, further, w2, _ = terms
    (rows,), (count, hidden), (units, stride) = fact.shape, facts.shape, W1.shape
    once_rows = 0 if once is None else once.shape[0]
    return _Gate(
        *(_parts(rows), hidden, units, count, other.shape[0], rows, once_rows, stride, *columns),
        *map(_at, (fact, question, kept, facts, other, both, W1, per_fact, bias, once, further, w2)),
    )


def weigh_forward(kind: int, logits: Tensor, sizes: list[int], sequences: int) -> tuple[Tensor, Tensor]:
    """The logarithm of what each row counts, and what it counts, (N,) each."""
    log_g, g, steps = torch.empty_like(logits), torch.empty_like(logits), array("q", sizes)
    addresses = (steps.buffer_info()[0], *map(_at, (logits, log_g, g)))
    _call("dmn_weigh_forward", _Weigh(kind, logits.shape[0], sequences, len(sizes), *addresses), logits.dtype)
    return log_g, g


def weigh_backward(
    kind: int, logits: Tensor, sizes: list[int], sequences: int, g: Tensor, d_log_g: Tensor | None, d_g: Tensor | None
) -> Tensor:
    """The gradient of the logits."""
    d_logits, steps = torch.empty_like(logits), array("q", sizes)
    d_log_g, d_g = (None if d is None else d.contiguous() for d in (d_log_g, d_g))
    addresses = (steps.buffer_info()[0], *map(_at, (logits, None, g, d_log_g, d_g, d_logits)))
    _call("dmn_weigh_backward", _Weigh(kind, logits.shape[0], sequences, len(sizes), *addresses), logits.dtype)
    return d_logits
