"""Arrays, numbers and text out of pickled files, without unpickling them.

A pickle is a program, and unpickling runs it: it can call any function of any package.  ImageNet32 and CIFAR are
distributed as pickles.  Here none is ever run.  `pickletools` lists the instructions of the file, and those that build
plain values are carried out, on values of our own: nothing is imported or called that the file names.  The few names
that the pickle of an array contains (`_NAMES`) stand for what they mean; any other, and any other instruction, ends the
reading.  What is built stays within a small multiple of the file's size.
"""

import math
import pickletools
import re
from typing import Any, Literal, TypeVar

import numpy as np

from winnow.datasets.files.names import SourceError


class PickleError(SourceError):
    """A pickle that is damaged, or holds anything but plain values; the message names the file."""


class _Elsewhere(Exception):
    """A pickle of protocol 5 whose arrays were handed to something else than the file."""


_Kind = TypeVar("_Kind")

Plain = dict[str, Any]
"""What is read: arrays of numbers, numbers, text, bytes, None, and lists of all these but arrays, by name."""

_NAMES = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy.core.numeric _frombuffer": "array of a buffer",
    "numpy._core.numeric _frombuffer": "array of a buffer",
    "numpy.core.multiarray scalar": "number",
    "numpy._core.multiarray scalar": "number",
    "numpy ndarray": "array type",
    "numpy dtype": "dtype",
    "_codecs encode": "encode",
}
_VALUES = {
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "SHORT_BINSTRING", "BINSTRING"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_SCALARS = (int, str, bytes, float, bool, type(None))
# A file of a byte an instruction could make objects of fifty times its size; ImageNet32's largest has 128,123 labels.
_MOST_INSTRUCTIONS = 4_000_000
_MOST_AXES, _MOST_ENTRIES = 64, 2**48


class _Name:
    """One of the `_NAMES`."""

    def __init__(self, meaning: str) -> None:
        self.meaning = meaning


class _Dtype:
    """A plain numeric dtype; its byte order follows later in the file."""

    def __init__(self, code: str) -> None:
        if not re.fullmatch("[biuf][1248]", code):
            raise ValueError(f"an array of dtype {code!r}")
        self.dtype = np.dtype(code)

    def build(self, state: tuple[Any, ...]) -> None:
        order, details = state[1], state[2:5]
        if order not in ("<", ">", "|", "=") or details != (None, None, None):
            raise ValueError("an array of a structured dtype")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """An array; up to protocol 4 its content follows later in the file."""

    def __init__(self, value: np.ndarray | None = None) -> None:
        self.value = value


def read_pickle(content: bytes, file: str) -> Plain:
    """Read a pickled dictionary of plain values, as `Plain`.

    Keys that are bytes, and byte strings of Python 2, are read as latin-1 text, numpy's scalars as numbers, tuples as
    lists.

    Args:
        content: the pickle, of protocol 2 or later; what follows its end is ignored.
        file: its name, for messages.

    Returns:
        The dictionary; its arrays are read-only.

    Raises:
        PickleError: the pickle is damaged, announces more than it holds, or holds anything but plain values.
    """
    try:
        return _Reader(content).read()
    except _Elsewhere:
        raise PickleError(
            f"{file}: does not hold its arrays, which were pickled apart from it (out-of-band buffers of protocol 5): "
            "pickle it without buffer_callback"
        ) from None
    except PickleError as error:
        raise PickleError(
            f"{file}: {error}; nothing of it was run. Get the file again, from a source you trust"
        ) from None
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        # The content decides what goes wrong: too short a stack, an unknown instruction, arguments of a wrong kind.
        raise PickleError(f"{file}: is damaged or no pickle of arrays ({error}); get the file again") from None


class _Reader:
    """The values on the way: a stack, the places marked on it, and values that may be used again, by number."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.encoded = 0

    def read(self) -> Plain:
        for n, (opcode, argument, _) in enumerate(pickletools.genops(self.content)):
            if n == _MOST_INSTRUCTIONS:
                raise PickleError(f"has more than {_MOST_INSTRUCTIONS} instructions")
            if opcode.name in _VALUES:
                self.stack.append(_CONSTANTS.get(opcode.name, argument))
            else:
                self.do(opcode.name, argument)
        return _plain(self.stack.pop())

    def do(self, instruction: str, argument: Any) -> None:
        stack = self.stack
        match instruction:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                self.marks.append(len(stack))
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self.pop(_TUPLES[instruction])))
            case "TUPLE":
                stack.append(tuple(self.pop_to_mark()))
            case "APPEND" | "APPENDS":
                items = self.pop(1) if instruction == "APPEND" else self.pop_to_mark()
                _of_kind(list, stack[-1]).extend(items)
            case "SETITEM" | "SETITEMS":
                items = self.pop(2) if instruction == "SETITEM" else self.pop_to_mark()
                keys = [self.key(key) for key in items[::2]]
                _of_kind(dict, stack[-1]).update(zip(keys, items[1::2], strict=True))
            case "GLOBAL":
                stack.append(_name(argument))
            case "STACK_GLOBAL":
                stack.append(_name(" ".join(_of_kind(str, part) for part in self.pop(2))))
            case "INST":
                raise PickleError(f"makes an object of {argument.replace(' ', '.')}")
            case "REDUCE":
                name, arguments = self.pop(2)
                stack.append(self.call(_of_kind(_Name, name).meaning, _of_kind(tuple, arguments)))
            case "BUILD":
                self.build(_of_kind(tuple, stack.pop()))
            case "NEXT_BUFFER" | "READONLY_BUFFER":
                raise _Elsewhere
            case _:
                raise PickleError(f"uses the instruction {instruction}, which no pickle of arrays needs")

    def pop(self, n: int) -> list[Any]:
        if n > len(self.stack):
            raise IndexError("values are missing")
        start = len(self.stack) - n
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def pop_to_mark(self) -> list[Any]:
        return self.pop(len(self.stack) - self.marks.pop())

    def key(self, key: Any) -> str:
        if type(key) is not bytes:
            return str(_of_kind(str, key))
        self.count(len(key))
        return key.decode("latin-1")

    def call(self, meaning: str, arguments: tuple[Any, ...]) -> Any:
        """What a function of the `_NAMES` would give, for the arguments that the pickle of an array has."""
        match meaning, arguments:
            case "array", (_Name(meaning="array type"), (0,), bytes() | str()):
                return _Array()
            case "array of a buffer", (data, _Dtype() as dtype, tuple() as shape, "C" | "F" as order):
                return _Array(self.array(data, dtype.dtype, shape, order))
            case "array of a buffer", (data, _Dtype() as dtype, tuple() as shape, "K", tuple() as axes):
                return _Array(self.array(data, dtype.dtype, shape, "C").transpose(axes))
            case "number", (_Dtype() as dtype, data):
                return self.array(data, dtype.dtype, (), "C").item()
            case "dtype", (str() as code, _, _):
                return _Dtype(code)
            case "encode", (str() as text, "latin1" | "latin-1"):
                return self.encode(text)
        raise PickleError(f"makes its {meaning} of other arguments than the pickle of an array has")

    def encode(self, text: str) -> bytes:
        self.count(len(text))
        return text.encode("latin-1")

    def count(self, n: int) -> None:
        """Count bytes that are made of what was read: again and again of the same, they would fill the memory."""
        self.encoded += n
        if self.encoded > len(self.content):
            raise PickleError("announces more bytes than it holds")

    def build(self, state: tuple[Any, ...]) -> None:
        target = self.stack[-1]
        if isinstance(target, _Dtype):
            target.build(state)
            return
        _, shape, dtype, is_fortran, data = state
        shape, dtype = _of_kind(tuple, shape), _of_kind(_Dtype, dtype).dtype
        _of_kind(_Array, target).value = self.array(data, dtype, shape, "F" if is_fortran else "C")

    def array(self, data: Any, dtype: np.dtype[Any], shape: tuple[Any, ...], order: Literal["C", "F"]) -> np.ndarray:
        if isinstance(data, str):
            data = self.encode(data)
        elif type(data) is not bytearray:
            _of_kind(bytes, data)
        # Multiplying many or huge numbers would take days.
        if len(shape) > _MOST_AXES or not all(type(n) is int and 0 <= n < _MOST_ENTRIES for n in shape):
            raise PickleError("announces an array of a shape that none has")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise PickleError(f"announces an array of shape {shape} but holds {len(data)} bytes of it")
        array = np.frombuffer(data, dtype)
        array.setflags(write=False)
        return array.reshape(shape, order=order)


def _name(name: str) -> _Name:
    if name not in _NAMES:
        raise PickleError(f"would call {name.replace(' ', '.')}, which no pickle of arrays needs")
    return _Name(_NAMES[name])


def _of_kind(kind: type[_Kind], value: object) -> _Kind:
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} stands where a {kind.__name__} belongs")
    return value


def _plain(result: Any) -> Plain:
    if type(result) is not dict:
        raise PickleError("holds no dictionary")
    for key, value in result.items():
        if type(value) is _Array and value.value is not None:
            result[key] = value.value
        elif type(value) is bytearray:
            result[key] = bytes(value)
        elif type(value) is tuple and all(type(x) in _SCALARS for x in value):
            result[key] = list(value)
        elif type(value) not in _SCALARS and not (type(value) is list and all(type(x) in _SCALARS for x in value)):
            raise PickleError(f"holds more than arrays, numbers, text and lists of them under {key!r}")
    return result
