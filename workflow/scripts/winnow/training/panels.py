"""Products of matrices, a panel of the result at a time, which stays in registers until it is done.

`outᵣᵥ = Σ_k aᵣₖ bₖᵥ`: each of a panel's rows r is a few vectors v; row k of b is read once for all rows of the panel,
and each number of a meets it at once.  Libraries' products are as fast, but each library, and each processor within
one library, takes the sum in an order of its own; and they know neither of rows padded to vectors, nor that a panel may
be used up while it is at hand.  Here the sum is over k = 0, 1, … by fused operations, whatever the panel's size: the
result is the same to the bit on every processor.

Rows and columns of `a` are as far apart as one says, so that one routine does W y, Wᵀ δ and δ yᵀ.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import config
from numba.core.base import BaseContext
from numba.core.typing.context import BaseContext as TypingContext
from numba.core.typing.templates import Signature

from winnow.training.vectors import TypedIntrinsic, VectorType, everywhere, fused, prefetch

Panel = Callable[[np.ndarray, int, int, int, np.ndarray, int, int, np.ndarray, int], None]


def _features() -> str:
    """What the processor can that is compiled for, as numba sees it."""
    features: str | None = vars(config)["CPU_FEATURES"]  # which numba sets by a name put together
    return binding.get_host_cpu_features().flatten() if features is None else features


ROWS, VECTORS, _AHEAD = (8, 3, 16) if "+avx512f" in _features() else (6, 1, 8)
"""Of a panel; and the terms ahead of which a column of `a` is asked for, since no processor foresees such strides.

A vector of 64 bytes is one of AVX-512's 32 registers: 24 hold the panel.  Of AVX2's 16 it is two: 12 hold it."""


def _panel(rows: int, halves: int) -> Panel:
    """A product for panels of one size: rows, and half vectors a row."""

    @TypedIntrinsic[[np.ndarray, int, int, int, np.ndarray, int, int, np.ndarray, int], None]()
    def panel(
        typing: TypingContext,
        a: "types.Array[types.Float]",
        a_start: types.Type,
        a_row: types.Type,
        a_column: types.Type,
        b: "types.Array[types.Float]",
        b_start: types.Type,
        n: types.Type,
        out: "types.Array[types.Float]",
        out_start: types.Type,
    ) -> tuple[Signature, Callable[..., ir.Value]]:
        def code(
            context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
        ) -> ir.Value:
            return _write_panel(context, builder, signature, arguments, rows, halves)

        whole = types.intp
        return types.void(a, whole, whole, whole, b, whole, whole, out, whole), code

    return panel


def _write_panel(
    context: BaseContext,
    builder: ir.IRBuilder,
    signature: Signature,
    arguments: Sequence[ir.Value],
    rows: int,
    halves: int,
) -> ir.Value:
    a, a_start, a_row, a_column, b, b_start, n, out, out_start = arguments
    a_type, _, _, _, b_type, _, _, out_type, _ = signature.args
    whole = context.get_value_type(VectorType(b_type.dtype))
    half = ir.VectorType(whole.element, whole.count // 2)
    kinds = [whole] * (halves // 2) + [half] * (halves % 2)  # of a row's vectors
    size = b_type.dtype.bitwidth // 8
    a_data, b_data, out_data = (
        context.make_array(array_type)(context, builder, array).data
        for array_type, array in ((a_type, a), (b_type, b), (out_type, out))
    )

    def step(array_type: "types.Array[types.Float]", array: ir.Value) -> ir.Value:
        """Numbers from a row to the next."""
        return builder.extract_value(context.make_array(array_type)(context, builder, array).shape, 1)

    b_step, out_step = step(b_type, b), step(out_type, out)

    def vector_at(data: ir.Value, place: ir.Value, v: int) -> ir.Value:
        first = builder.gep(data, [builder.add(place, place.type(v * whole.count))])
        return builder.bitcast(first, kinds[v].as_pointer())

    before, loop, after = builder.block, builder.append_basic_block("terms"), builder.append_basic_block("panel")
    builder.cbranch(builder.icmp_signed(">", n, n.type(0)), loop, after)
    builder.position_at_end(loop)
    k = builder.phi(n.type)
    sums = [[builder.phi(kind) for kind in kinds] for _ in range(rows)]
    of_b = builder.add(b_start, builder.mul(k, b_step))
    vectors = [builder.load(vector_at(b_data, of_b, v), align=size) for v in range(len(kinds))]
    of_a = builder.add(a_start, builder.mul(k, a_column))
    prefetch(builder, builder.gep(a_data, [builder.add(of_a, builder.mul(a_column, n.type(_AHEAD)))]))
    new = []
    for r, of_row in enumerate(sums):
        factor = builder.load(builder.gep(a_data, [builder.add(of_a, builder.mul(a_row, n.type(r)))]))
        new.append(
            [
                fused(builder, everywhere(builder, factor, vector.type.count), vector, total)
                for vector, total in zip(vectors, of_row, strict=True)
            ]
        )
    following = builder.add(k, n.type(1))
    builder.cbranch(builder.icmp_signed("<", following, n), loop, after)
    k.add_incoming(n.type(0), before)
    k.add_incoming(following, loop)

    builder.position_at_end(after)
    totals = [[builder.phi(kind) for kind in kinds] for _ in range(rows)]
    for r, v in itertools.product(range(rows), range(len(kinds))):
        for phi in (sums[r][v], totals[r][v]):
            phi.add_incoming(ir.Constant(kinds[v], None), before)
            phi.add_incoming(new[r][v], loop)
    for r, of_row in enumerate(totals):
        place = builder.add(out_start, builder.mul(out_step, n.type(r)))
        for v, total in enumerate(of_row):
            builder.store(total, vector_at(out_data, place, v), align=size)
    return context.get_dummy_value()


full, full_but_half = _panel(ROWS, 2 * VECTORS), _panel(ROWS, 2 * VECTORS - 1)
narrow, thin = _panel(ROWS, 2), _panel(ROWS, 1)
single, half_single = _panel(1, 2), _panel(1, 1)
"""`(a, a_start, a_row, a_column, b, b_start, n, out, out_start)`: out's panel = Σ_k of n terms.

A panel is of `ROWS` rows and `VECTORS` vectors, or half a vector less; of one vector, or half of one; or of one row.

Places in the arrays are counted from their first number.  The panel's number of a is a[a_start + r a_row + k
a_column]; its rows of b and out lie one below the other from `b_start` and `out_start` on.  b and out are
C-contiguous."""
