"""Vectors of 64 bytes, a line of the cache, as values of code that numba compiles.

In a sum over the surviving weights of a unit each term is a row of numbers, one per image.  Written as loops over the
images, that sum is read from memory and written back at every term; as vectors it stays in registers.  A vector is 16
float32 or 8 float64, whatever the processor's own vectors are: the compiler splits it.

`aligned` makes arrays in which no vector crosses a line.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
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


class _Vector(types.Type):
    def __init__(self, real: types.Float):
        self.real = real
        super().__init__(f"Vector({real})")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        lanes = LINE * 8 // kind.real.bitwidth
        super().__init__(manager, kind, ir.VectorType(manager.lookup(kind.real).get_value_type(), lanes))


def _pointer(context, builder, array_type, array, row, column, vector):
    """Where the vector at (row, column) of a C-contiguous array lies."""
    fields = context.make_array(array_type)(context, builder, array)
    n_columns = cgutils.unpack_tuple(builder, fields.shape)[1]
    place = builder.add(builder.mul(row, n_columns), column)
    return builder.bitcast(builder.gep(fields.data, [place]), vector.as_pointer())


@intrinsic
def load(typing, array, row, column):
    """The vector that begins at array[row, column]; the array is C-contiguous."""
    vector = _Vector(array.dtype)

    def code(context, builder, signature, arguments):
        values, row, column = arguments
        pointer = _pointer(context, builder, array, values, row, column, context.get_value_type(vector))
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return vector(array, types.intp, types.intp), code


@intrinsic
def store(typing, array, row, column, vector):
    """Write a vector to array[row, column] and on; the array is C-contiguous."""

    def code(context, builder, signature, arguments):
        values, row, column, value = arguments
        pointer = _pointer(context, builder, array, values, row, column, value.type)
        builder.store(value, pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), code


@intrinsic
def zeros(typing, array):
    """A vector of zeros of an array's type."""
    vector = _Vector(array.dtype)

    def code(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array), code


@intrinsic
def add_scaled(typing, total, scale, vector):
    """total + scale · vector."""

    def code(context, builder, signature, arguments):
        total, scale, vector = arguments
        index = ir.IntType(32)
        single = builder.insert_element(ir.Constant(vector.type, ir.Undefined), scale, index(0))
        everywhere = ir.Constant(ir.VectorType(index, vector.type.count), None)
        scales = builder.shuffle_vector(single, single, everywhere)
        return builder.fadd(total, builder.fmul(scales, vector, flags=_FAST), flags=_FAST)

    return total(total, vector.real, vector), code


@intrinsic
def add_product(typing, total, a, b):
    """total + a · b, lane by lane."""

    def code(context, builder, signature, arguments):
        total, a, b = arguments
        return builder.fadd(total, builder.fmul(a, b, flags=_FAST), flags=_FAST)

    return total(total, a, b), code


@intrinsic
def sum_lanes(typing, vector):
    """The sum of a vector's numbers."""

    def code(context, builder, signature, arguments):
        (value,) = arguments
        real = value.type.element
        name = f"llvm.vector.reduce.fadd.v{value.type.count}f{vector.real.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(real, [real, value.type]), name)
        return builder.call(function, [ir.Constant(real, -0.0), value], fastmath=("reassoc",))

    return vector.real(vector), code
