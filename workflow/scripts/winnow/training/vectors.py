"""Vectors of 64 bytes, a line of the cache, as values of code that numba compiles.

In a sum over the surviving weights of a unit each term is a row of numbers, one per image.  Written as loops over the
images, that sum is read from memory and written back at every term; as vectors it stays in registers.  A vector is 16
float32 or 8 float64, whatever the processor's own vectors are: the compiler splits it.

What is done with vectors gives the same bits on every processor: lanes do not mix but in `sum_lanes`, whose order is
written out, and a product and a sum are one operation, rounded once (`add_scaled`, `add_product`), because it is asked
for and not where a compiler sees fit.

`aligned` makes arrays in which no vector crosses a line.
"""

from collections.abc import Callable, Sequence
from typing import Generic, ParamSpec, TypeAlias, TypeVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.base import BaseContext
from numba.core.datamodel.manager import DataModelManager
from numba.core.typing.context import BaseContext as TypingContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic, models, register_model

LINE = 64
"""Bytes of a vector."""


def aligned(rows: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Zeros (rows, ≥ columns): as many columns as make whole vectors, each on a line of its own."""
    width = -(-columns * dtype.itemsize // LINE) * LINE
    memory = np.zeros(rows * width + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + rows * width].view(dtype).reshape(rows, width // dtype.itemsize)


def padded(rows: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """The same with an odd number of lines a row, so that a column's lines do not compete for places in the caches.

    Where a row's length is a large power of two, all lines of a column belong to the few places of one set.
    """
    lines = -(-columns * dtype.itemsize // LINE) | 1
    return aligned(rows, lines * LINE // dtype.itemsize, dtype)


class Vector:
    """The type of a vector, as one reads it in a kernel; there is none outside of compiled code."""


class VectorType(types.Type):
    """The same, as numba reads it."""

    def __init__(self, real: types.Float) -> None:
        self.real = real
        super().__init__(f"Vector({real})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: DataModelManager, kind: VectorType) -> None:
        lanes = LINE * 8 // kind.real.bitwidth
        super().__init__(manager, kind, ir.VectorType(manager.lookup(kind.real).get_value_type(), lanes))


_Array: TypeAlias = "types.Array[types.Float]"
_Flags: TypeAlias = "types.Array[types.Boolean]"
Real: TypeAlias = "float | np.floating"
_Code = Callable[[BaseContext, ir.IRBuilder, Signature, Sequence[ir.Value]], ir.Value]
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class TypedIntrinsic(Generic[_Parameters, _Result]):
    """numba's `intrinsic`, with the types that a function has in a kernel: its definition is about numba's types."""

    def __call__(self, define: Callable[..., tuple[Signature, _Code]]) -> Callable[_Parameters, _Result]:
        """The function, from its definition."""
        return intrinsic(define)


def _pointer(
    context: BaseContext,
    builder: ir.IRBuilder,
    array_type: "_Array | _Flags",
    array: ir.Value,
    row: ir.Value,
    column: ir.Value,
    vector: ir.Type,
) -> ir.Value:
    """Where the vector at (row, column) of a C-contiguous array lies."""
    fields = context.make_array(array_type)(context, builder, array)
    n_columns = cgutils.unpack_tuple(builder, fields.shape)[1]
    place = builder.add(builder.mul(row, n_columns), column)
    return builder.bitcast(builder.gep(fields.data, [place]), vector.as_pointer())


@TypedIntrinsic[[np.ndarray, int, int], Vector]()
def load(typing: TypingContext, array: "_Array", row: types.Type, column: types.Type) -> tuple[Signature, _Code]:
    """The vector that begins at array[row, column]; the array is C-contiguous."""
    vector = VectorType(array.dtype)

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        content, row, column = arguments
        pointer = _pointer(context, builder, array, content, row, column, context.get_value_type(vector))
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return vector(array, types.intp, types.intp), code


@TypedIntrinsic[[np.ndarray, int, int, Vector], None]()
def store(
    typing: TypingContext, array: "_Array", row: types.Type, column: types.Type, vector: VectorType
) -> tuple[Signature, _Code]:
    """Write a vector to array[row, column] and on; the array is C-contiguous."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        content, row, column, value = arguments
        pointer = _pointer(context, builder, array, content, row, column, value.type)
        builder.store(value, pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), code


@TypedIntrinsic[[np.ndarray], Vector]()
def zeros(typing: TypingContext, array: "_Array") -> tuple[Signature, _Code]:
    """A vector of zeros of an array's type."""
    vector = VectorType(array.dtype)

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array), code


@TypedIntrinsic[[np.ndarray, Real], Vector]()
def filled(typing: TypingContext, array: "_Array", value: types.Type) -> tuple[Signature, _Code]:
    """A vector of an array's type, each lane the same number."""
    vector = VectorType(array.dtype)

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        return everywhere(builder, arguments[1], context.get_value_type(vector).count)

    return vector(array, vector.real), code


@TypedIntrinsic[[Vector, int], Vector]()
def first_lanes(typing: TypingContext, vector: VectorType, n: types.Type) -> tuple[Signature, _Code]:
    """The first n numbers of a vector, of which there may be fewer; then zeros."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        value, n = arguments
        count = value.type.count
        lanes = ir.Constant(ir.VectorType(n.type, count), [n.type(k) for k in range(count)])
        kept = builder.icmp_signed("<", lanes, everywhere(builder, n, count))
        return builder.select(kept, value, ir.Constant(value.type, None))

    return vector(vector, types.intp), code


@TypedIntrinsic[[Vector, Real, Vector], Vector]()
def add_scaled(
    typing: TypingContext, total: VectorType, scale: types.Type, vector: VectorType
) -> tuple[Signature, _Code]:
    """total + scale · vector, rounded once."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        total, scale, vector = arguments
        return fused(builder, everywhere(builder, scale, vector.type.count), vector, total)

    return total(total, vector.real, vector), code


@TypedIntrinsic[[Vector, Vector, Vector], Vector]()
def add_product(typing: TypingContext, total: VectorType, a: VectorType, b: VectorType) -> tuple[Signature, _Code]:
    """total + a · b, lane by lane, rounded once."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        total, a, b = arguments
        return fused(builder, a, b, total)

    return total(total, a, b), code


@TypedIntrinsic[[Real, Real, Real], float]()
def plus_product(typing: TypingContext, total: types.Float, a: types.Float, b: types.Float) -> tuple[Signature, _Code]:
    """total + a · b of numbers of one precision, rounded once."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        total, a, b = arguments
        return builder.fma(a, b, total)

    return total(total, a, b), code


@TypedIntrinsic[[Vector, Vector], Vector]()
def add(typing: TypingContext, a: VectorType, b: VectorType) -> tuple[Signature, _Code]:
    """a + b, lane by lane."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        return builder.fadd(*arguments)

    return a(a, b), code


@TypedIntrinsic[[Real, Vector], Vector]()
def scaled(typing: TypingContext, scale: types.Type, vector: VectorType) -> tuple[Signature, _Code]:
    """scale · vector."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        scale, vector = arguments
        return builder.fmul(everywhere(builder, scale, vector.type.count), vector)

    return vector(vector.real, vector), code


@TypedIntrinsic[[np.ndarray, int, int, Vector], Vector]()
def where(
    typing: TypingContext, mask: "_Flags", row: types.Type, column: types.Type, vector: VectorType
) -> tuple[Signature, _Code]:
    """The vector where mask[row, column] and on are True, else 0; the mask is C-contiguous."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        content, row, column, value = arguments
        flags = ir.VectorType(ir.IntType(8), value.type.count)
        alive = builder.load(_pointer(context, builder, mask, content, row, column, flags), align=1)
        return builder.select(
            builder.icmp_unsigned("!=", alive, ir.Constant(flags, None)), value, ir.Constant(value.type, None)
        )

    return vector(mask, types.intp, types.intp, vector), code


@TypedIntrinsic[[np.ndarray, int, int], None]()
def ask_for(typing: TypingContext, array: "_Array", row: types.Type, column: types.Type) -> tuple[Signature, _Code]:
    """Have the line with array[row, column] brought into the cache; the array is C-contiguous."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        content, row, column = arguments
        prefetch(builder, _pointer(context, builder, array, content, row, column, context.get_value_type(array.dtype)))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), code


@TypedIntrinsic[[Vector], float]()
def sum_lanes(typing: TypingContext, vector: VectorType) -> tuple[Signature, _Code]:
    """The sum of a vector's numbers: its second half is added to its first, until one number is left."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        (value,) = arguments
        while value.type.count > 1:
            half = value.type.count // 2
            value = builder.fadd(*(_lanes(builder, value, range(k, k + half)) for k in (0, half)))
        return builder.extract_element(value, ir.IntType(32)(0))

    return vector.real(vector), code


@TypedIntrinsic[[np.ndarray, int, int, np.ndarray, int, int], None]()
def transpose(
    typing: TypingContext,
    array: "_Array",
    row: types.Type,
    column: types.Type,
    out: "_Array",
    out_row: types.Type,
    out_column: types.Type,
) -> tuple[Signature, _Code]:
    """A square of as many rows as a vector has lanes: out[out_row + b, out_column + j] = array[row + j, column + b]."""
    vector = VectorType(array.dtype)

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        content, row, column, target, out_row, out_column = arguments
        kind = context.get_value_type(vector)
        n = kind.count

        def place(array: "_Array", content: ir.Value, row: ir.Value, k: int, column: ir.Value) -> ir.Value:
            return _pointer(context, builder, array, content, builder.add(row, row.type(k)), column, kind)

        alignment = array.dtype.bitwidth // 8
        rows = [builder.load(place(array, content, row, k, column), align=alignment) for k in range(n)]
        span = 1  # squares of this size are transposed; two by two they make those of twice the size
        while span < n:
            low = [k if not k & span else k - span + n for k in range(n)]
            high = [k + span if not k & span else k + n for k in range(n)]
            for k in range(n):
                if not k & span:
                    pair = rows[k], rows[k + span]
                    rows[k], rows[k + span] = (
                        builder.shuffle_vector(*pair, _constant_lanes(lanes)) for lanes in (low, high)
                    )
            span *= 2
        for k, value in enumerate(rows):
            builder.store(value, place(out, target, out_row, k, out_column), align=alignment)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(array, whole, whole, out, whole, whole), code


def fused(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a · b + c, rounded once, of vectors."""
    real = {ir.FloatType(): "f32", ir.DoubleType(): "f64"}[a.type.element]
    kind = ir.FunctionType(a.type, [a.type] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{a.type.count}{real}")
    return builder.call(function, [a, b, c])


def prefetch(builder: ir.IRBuilder, pointer: ir.Value) -> None:
    """Have the line at a pointer brought into the cache; a pointer behind an array does no harm."""
    number, place = ir.IntType(32), ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [place, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [builder.bitcast(pointer, place), number(0), number(3), number(1)])


def everywhere(builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
    """A vector of one number."""
    single = builder.insert_element(ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined), value, _INDEX(0))
    return builder.shuffle_vector(single, single, _constant_lanes([0] * lanes))


_INDEX = ir.IntType(32)


def _lanes(builder: ir.IRBuilder, value: ir.Value, lanes: range) -> ir.Value:
    return builder.shuffle_vector(value, value, _constant_lanes(lanes))


def _constant_lanes(lanes: Sequence[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_INDEX, len(lanes)), [_INDEX(k) for k in lanes])
