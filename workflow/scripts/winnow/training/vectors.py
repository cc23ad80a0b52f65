"""Vectors of 64 bytes, a line of the cache, as values of code that numba compiles.

In a sum over the surviving weights of a unit each term is a row of numbers, one per image.  Written as loops over the
images, that sum is read from memory and written back at every term; as vectors it stays in registers.  A vector is 16
float32 or 8 float64, whatever the processor's own vectors are: the compiler splits it.

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

_FAST = ("contract", "reassoc")


def aligned(rows: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Zeros (rows, ≥ columns): as many columns as make whole vectors, each on a line of its own."""
    width = -(-columns * dtype.itemsize // LINE) * LINE
    memory = np.zeros(rows * width + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + rows * width].view(dtype).reshape(rows, width // dtype.itemsize)


class Vector:
    """The type of a vector, as one reads it in a kernel; there is none outside of compiled code."""


class _Vector(types.Type):
    """The same, as numba reads it."""

    def __init__(self, real: types.Float) -> None:
        self.real = real
        super().__init__(f"Vector({real})")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: DataModelManager, kind: _Vector) -> None:
        lanes = LINE * 8 // kind.real.bitwidth
        super().__init__(manager, kind, ir.VectorType(manager.lookup(kind.real).get_value_type(), lanes))


_Array: TypeAlias = "types.Array[types.Float]"
_Code = Callable[[BaseContext, ir.IRBuilder, Signature, Sequence[ir.Value]], ir.Value]
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class _Intrinsic(Generic[_Parameters, _Result]):
    """numba's `intrinsic`, with the types that a function has in a kernel: its definition is about numba's types."""

    def __call__(self, define: Callable[..., tuple[Signature, _Code]]) -> Callable[_Parameters, _Result]:
        return intrinsic(define)


def _pointer(
    context: BaseContext,
    builder: ir.IRBuilder,
    array_type: "_Array",
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


@_Intrinsic[[np.ndarray, int, int], Vector]()
def load(typing: TypingContext, array: "_Array", row: types.Type, column: types.Type) -> tuple[Signature, _Code]:
    """The vector that begins at array[row, column]; the array is C-contiguous."""
    vector = _Vector(array.dtype)

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        content, row, column = arguments
        pointer = _pointer(context, builder, array, content, row, column, context.get_value_type(vector))
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return vector(array, types.intp, types.intp), code


@_Intrinsic[[np.ndarray, int, int, Vector], None]()
def store(
    typing: TypingContext, array: "_Array", row: types.Type, column: types.Type, vector: _Vector
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


@_Intrinsic[[np.ndarray], Vector]()
def zeros(typing: TypingContext, array: "_Array") -> tuple[Signature, _Code]:
    """A vector of zeros of an array's type."""
    vector = _Vector(array.dtype)

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array), code


@_Intrinsic[[Vector, float, Vector], Vector]()
def add_scaled(typing: TypingContext, total: _Vector, scale: types.Type, vector: _Vector) -> tuple[Signature, _Code]:
    """total + scale · vector."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        total, scale, vector = arguments
        index = ir.IntType(32)
        single = builder.insert_element(ir.Constant(vector.type, ir.Undefined), scale, index(0))
        everywhere = ir.Constant(ir.VectorType(index, vector.type.count), None)
        scales = builder.shuffle_vector(single, single, everywhere)
        return builder.fadd(total, builder.fmul(scales, vector, flags=_FAST), flags=_FAST)

    return total(total, vector.real, vector), code


@_Intrinsic[[Vector, Vector, Vector], Vector]()
def add_product(typing: TypingContext, total: _Vector, a: _Vector, b: _Vector) -> tuple[Signature, _Code]:
    """total + a · b, lane by lane."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        total, a, b = arguments
        return builder.fadd(total, builder.fmul(a, b, flags=_FAST), flags=_FAST)

    return total(total, a, b), code


@_Intrinsic[[Vector], float]()
def sum_lanes(typing: TypingContext, vector: _Vector) -> tuple[Signature, _Code]:
    """The sum of a vector's numbers."""

    def code(
        context: BaseContext, builder: ir.IRBuilder, signature: Signature, arguments: Sequence[ir.Value]
    ) -> ir.Value:
        (value,) = arguments
        real = value.type.element
        name = f"llvm.vector.reduce.fadd.v{value.type.count}f{vector.real.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(real, [real, value.type]), name)
        return builder.call(function, [ir.Constant(real, -0.0), value], fastmath=("reassoc",))

    return vector.real(vector), code
