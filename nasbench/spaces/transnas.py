"""The two spaces of TransNAS-Bench-101: cells of one skeleton, and skeletons of one block.

Duan et al., TransNAS-Bench-101, CVPR 2021. An architecture is written as in the authors' files,
such as `64-41414-1_02_333` and `64-1234-basic`: base channels, modules of the skeleton, the cell.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from nasbench.errors import InvalidInput
from nasbench.spaces.categorical import Architecture, CategoricalSpace, Decision
from nasbench.spaces.cell_notations import CellNotations
from nasbench.spaces.conditional import ConditionalSpace
from nasbench.spaces.notations import NUMBERS, Notation, literal, named, recognised
from nasbench.spaces.paths import live_path_encoding, path_encoding
from nasbench.text import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from nasbench.spaces.base import Encoding

MICRO, MACRO = "transnas-micro", "transnas-macro"

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Edges of a micro cell, (source, target), in the order of its text."""
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""Operations of an edge; the text has their positions."""
_CELL = re.compile(r"64-41414-([0-3])_([0-3]{2})_([0-3]{3})")

LENGTHS = (4, 5, 6)
"""Possible numbers of modules of a macro network."""
MODULES = ("plain", "channels x2", "resolution /2", "channels x2 and resolution /2")
"""Modules of a macro network; the text has their positions, counted from 1."""
_MOST_DOUBLINGS, _MOST_HALVINGS = 3, 4
_SKELETON = re.compile(r"64-([1-4]{4,6})-basic")


class TransNasMicro(CategoricalSpace):
    """Cells of four nodes and six edges with one of four operations each: 4,096 networks.

    The skeleton around the cell is the same in all networks. An architecture is a tuple of six
    positions in `OPERATIONS`, in the order of `EDGES`.
    """

    def __init__(self) -> None:
        """Make the space; edges into one node belong together."""
        edges = tuple(Decision(f"{source}->{target}", OPERATIONS) for source, target in EDGES)
        super().__init__(MICRO, edges, groups=((0,), (1, 2), (3, 4, 5)))

    def format(self, architecture: Architecture) -> str:
        """Write an architecture as in the authors' files, such as `64-41414-1_02_333`."""
        digits = "".join(map(str, architecture))
        return f"64-41414-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def parse(self, text: str, notation: str | None = None) -> Architecture:
        """Read what `format` writes, or another notation: named, or recognised.

        Raises `InvalidInput` for a text that is no network or means several.
        """
        if notation is not None:
            cell: Architecture = named(self.notations(), notation, self.name).read(text.strip())
            return cell
        found: Architecture | None = (
            None if _CELL.fullmatch(text) else recognised(self.notations(), text)
        )
        return self._own(text) if found is None else found

    def encodings(self) -> "Mapping[str, Encoding]":
        """Return the encodings `one-hot`, `path` (`paths`) and `live-path` (`live_paths`)."""
        return {**super().encodings(), "path": self.paths, "live-path": self.live_paths}

    def paths(self, architectures: "ArrayLike") -> "NDArray[np.float32]":
        """Encode n cells by the operations along their paths, shape (n, 84): `path_encoding`."""
        return path_encoding(architectures, EDGES, len(OPERATIONS))

    def live_paths(self, architectures: "ArrayLike") -> "NDArray[np.float32]":
        """Encode n cells by their paths without zero, shape (n, 39): `live_path_encoding`."""
        return live_path_encoding(architectures, EDGES, len(OPERATIONS))

    def notations(self) -> Sequence[Notation]:
        """Return the authors' text and the notations of such cells: see `cell_notations`."""
        return self._notations

    @cached_property
    def _notations(self) -> tuple[Notation, ...]:
        others = CellNotations(OPERATIONS, EDGES, (OPERATIONS, EDGES)).all()
        own = Notation("transnas", self._own, self.format, _CELL)
        return (own, *(one for one in others if one.name != own.name))

    def _own(self, text: str) -> Architecture:
        found = _CELL.fullmatch(text)
        if found is None:
            raise InvalidInput(
                f"architecture {shown(text)} is none of space '{MICRO}': write 64-41414- and the "
                "operations 0 to 3 of the edges into each node, such as 64-41414-1_02_333"
            )
        return tuple(int(digit) for digit in "".join(found.groups()))


class TransNasMacro(ConditionalSpace):
    """Networks of 4 to 6 modules of residual blocks: 3,256 networks.

    1 to 3 modules double the channels and 1 to 4 halve the resolution; one module may do both. An
    architecture is the position of its length in `LENGTHS`, then for each module its position in
    `MODULES`. Sampling is uniform over all networks. A mutation that changes the length keeps the
    modules of equal number as far as the limits allow.
    """

    name = MACRO

    def next_decision(self, choices: Architecture) -> Decision | None:
        """Return the length, then module after module; no choice is left beyond the limits."""
        if not choices:
            return Decision("length", tuple(map(str, LENGTHS)))
        length, modules = LENGTHS[choices[0]], choices[1:]
        doublings = sum(module % 2 for module in modules)
        halvings = sum(module // 2 for module in modules)
        within = doublings <= _MOST_DOUBLINGS and halvings <= _MOST_HALVINGS
        if len(modules) < length:
            return Decision(f"module {len(modules) + 1}", MODULES if within else ())
        complete = within and doublings > 0 and halvings > 0
        return None if complete else Decision("a module that is not there", ())

    def format(self, architecture: Architecture) -> str:
        """Write an architecture as in the authors' files, such as `64-1234-basic`."""
        return f"64-{''.join(str(module + 1) for module in architecture[1:])}-basic"

    def parse(self, text: str, notation: str | None = None) -> Architecture:
        """Read what `format` writes, or another notation: named, or recognised.

        Raises `InvalidInput` for a text that is no network.
        """
        if notation is not None:
            network: Architecture = named(self.notations(), notation, self.name).read(text.strip())
            return network
        found: Architecture | None = recognised(self.notations(), text)
        return self._own(text) if found is None else found

    def notations(self) -> Sequence[Notation]:
        """Return the authors' text, and NASLib's numbers of modules, zeros at the end left out."""
        return (
            Notation("transnas", self._own, self.format, _SKELETON),
            Notation("naslib", self._of_numbers, self._numbers, NUMBERS),
        )

    def _of_numbers(self, text: str) -> Architecture:
        found = literal(text, "naslib")
        modules = found if isinstance(found, tuple | list) else ()
        return self._own(f"64-{''.join(str(one) for one in modules if one != 0)}-basic")

    @staticmethod
    def _numbers(architecture: Architecture) -> str:
        return str(tuple(module + 1 for module in architecture[1:]))

    def _own(self, text: str) -> Architecture:
        found = _SKELETON.fullmatch(text)
        if found is not None:
            modules = tuple(int(digit) - 1 for digit in found[1])
            architecture = (LENGTHS.index(len(modules)), *modules)
            if self.contains(architecture):
                return architecture
        raise InvalidInput(
            f"architecture {shown(text)} is none of space '{MACRO}': write 64-, a digit 1 to 4 "
            "for each of 4 to 6 modules (2 and 4 double the channels, in 1 to 3 modules; 3 and 4 "
            "halve the resolution, in 1 to 4) and -basic, such as 64-1234-basic"
        )
