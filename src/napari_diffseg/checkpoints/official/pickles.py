"""Strangers' pickles, read as data: nothing that stands in them is imported or called. Torch-free.

A pickle is a program for a small stack machine. Here the same program runs on a machine in which a global is
a word, a call is a record of what would have been called, and a state is kept beside it. Words are taken from
a list only, and there is no other reader to fall back on.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from napari_diffseg.errors import CheckpointError

_DICTIONARIES = frozenset({"collections.OrderedDict", "collections.defaultdict"})
_PLAIN = (str, int, float, bytes, type(None))


class RefusedNameError(CheckpointError):
    """A pickle asks for something that is not on its source's list."""

    def __init__(self, file: str, name: str) -> None:
        self.name = name
        super().__init__(
            f"{file} asks for “{shown(name)}”, which no such checkpoint needs. Nothing of it was run; get "
            "the file from its authors again, or save the plain state dict of the network."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """The name of a class or function; a word and no more."""

    name: str


@dataclass(slots=True, eq=False, repr=False)
class StandIn:
    """What stands where the pickle would have made an object.

    Args:
        name: of the class or function that would have been called.
        args: of that call.
        state: that the object would have been given.
        items: that would have been set in it.
        elements: that would have been appended to it.
    """

    name: str
    args: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Elsewhere:
    """A reference to something outside the pickle, such as torch's storages."""

    key: Any


def shown(text: str) -> str:
    """A stranger's text, short enough for a message and on one line."""
    text = "".join(character if character.isprintable() else "?" for character in text[:201])
    return text if len(text) <= 200 else text[:200] + "…"


def read_pickle(content: bytes, names: Collection[str], file: str) -> Any:
    """What a pickle holds: numbers, texts, tuples, lists, dictionaries, and stand-ins for all else.

    Args:
        content: all bytes of it.
        names: globals that may stand in it, as module.name.
        file: what it is called in messages.

    Raises:
        RefusedNameError: another global stands in it.
        CheckpointError: it is cut short, no pickle of protocol 2 to 5, or one whose buffers lie elsewhere.
    """
    machine = _Machine(names, file)
    try:
        for opcode, argument, _ in pickletools.genops(content):
            _ACTIONS[opcode.name](machine, argument)
        (result,) = machine.stack
    except CheckpointError:
        raise
    except Exception as error:  # a stranger's bytes may underflow the stack, break texts, name odd opcodes …
        raise CheckpointError(f"{file} is damaged or cut short. Copy it again from its source.") from error
    return result


class _Machine:
    """Stack, marks on it, and memo."""

    def __init__(self, names: Collection[str], file: str) -> None:
        self.names, self.file = names, file
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def mark(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def above_mark(self) -> list[Any]:
        start = self.marks.pop()
        if start > len(self.stack):
            raise ValueError("a mark above the stack")
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def put(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def global_(self, words: str) -> None:
        name = words.replace(" ", ".", 1)
        if name not in self.names:
            raise RefusedNameError(self.file, name)
        self.stack.append(Global(name))

    def stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.global_(f"{_text(module)} {_text(name)}")

    def elsewhere(self, _: None) -> None:
        self.stack.append(Elsewhere(self.stack.pop()))

    def call(self, _: None) -> None:
        args, callee = self.stack.pop(), self.stack.pop()
        if not (isinstance(callee, Global) and isinstance(args, tuple)):
            raise TypeError("a call of something that is no global")
        empty = all(isinstance(value, Global) for value in args)  # defaultdict is made from its factory
        self.stack.append({} if callee.name in _DICTIONARIES and empty else StandIn(callee.name, args))

    def build(self, _: None) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, StandIn):
            target.state = state
        elif not isinstance(target, dict):  # torch hangs a note of versions on its ordered dictionaries
            raise TypeError("a state for something that takes none")

    def append(self, _: None) -> None:
        value = self.stack.pop()
        self._extend([value])

    def appends(self, _: None) -> None:
        self._extend(self.above_mark())

    def _extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        (target.elements if isinstance(target, StandIn) else target).extend(values)

    def set_item(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def set_items(self, _: None) -> None:
        self._set(self.above_mark())

    def _set(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        items = target.items if isinstance(target, StandIn) else target
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, _PLAIN):  # the hash of a deeply nested tuple would end Python
                raise TypeError("a key that is neither text nor number")
            items[key] = value

    def outside(self, _: None) -> None:
        raise CheckpointError(
            f"{self.file} keeps its arrays in buffers beside it, which are lost once it is a file. Write it "
            "again without a buffer_callback."
        )

    def ignored(self, _: object) -> None:
        pass


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a name that is no text")
    return value


_Action = Callable[[_Machine, Any], None]


def _literal(machine: _Machine, value: Any) -> None:
    machine.stack.append(value)


def _constant(value: object) -> _Action:
    return lambda machine, _: machine.stack.append(value)


def _made(make: Callable[[], object]) -> _Action:
    return lambda machine, _: machine.stack.append(make())


def _tuple_of(count: int) -> _Action:
    def action(machine: _Machine, _: None) -> None:
        values = tuple(machine.stack[-count:])
        if len(values) < count:
            raise ValueError("too few values for a tuple")
        machine.stack[-count:] = [values]

    return action


_ACTIONS: dict[str, _Action] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _Machine.ignored),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"), _literal),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _literal),
    **dict.fromkeys(("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"), _literal),
    "BYTEARRAY8": lambda machine, value: machine.stack.append(bytes(value)),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), _Machine.outside),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": _made(list),
    "EMPTY_DICT": _made(dict),
    "MARK": _Machine.mark,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.above_mark())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "BINPERSID": _Machine.elsewhere,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.call),
    "BUILD": _Machine.build,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
}
