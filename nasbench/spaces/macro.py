"""The space of NAS-Bench-Macro: the block of each of eight layers (Su et al., CVPR 2021).

A network has a 3x3 stem, eight layers in stages of two, three and three, a 1x1 convolution, global
pooling and a linear layer. The first layer of a stage halves the resolution and doubles the
channels, so that its identity is a 1x1 convolution of stride 2; the identity of another layer is no
layer at all.
"""

import re

from nasbench.errors import InvalidInput
from nasbench.spaces.categorical import Architecture, CategoricalSpace, Decision
from nasbench.text import shown

STAGES = (2, 3, 3)
"""Number of layers of each stage."""
LAYERS = sum(STAGES)
BLOCKS = ("identity", "mb3_k3", "mb6_k5")
"""Blocks of a layer; the text has their positions. `mb3_k3` is an inverted residual block of
MobileNetV2 with expansion 3 and a 3x3 kernel, `mb6_k5` one with expansion 6 and a 5x5 kernel."""
IDENTITY = 0
_WRITTEN = re.compile(rf"[0-{len(BLOCKS) - 1}]{{{LAYERS}}}")


class Macro(CategoricalSpace):
    """The 3^8 = 6,561 networks of NAS-Bench-Macro; 3,969 of them differ.

    An architecture is a tuple of eight positions in `BLOCKS`, written as in the authors' file, such
    as `02012100`.
    """

    def __init__(self) -> None:
        """Make the space; layers of one stage belong together."""
        decisions = tuple(Decision(f"layer {one}", BLOCKS) for one in range(1, LAYERS + 1))
        ends = [sum(STAGES[: stage + 1]) for stage in range(len(STAGES))]
        groups = tuple(
            tuple(range(end - length, end)) for end, length in zip(ends, STAGES, strict=True)
        )
        super().__init__("macro", decisions, groups)

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the architecture that the benchmark has trained for all equal networks.

        An identity after the first layer of its stage is no layer, so it may stand anywhere there;
        the authors put it at the end.
        """
        found: list[int] = []
        for group in self._groups:
            first, *others = (architecture[layer] for layer in group)
            layers = [block for block in others if block != IDENTITY]
            found += [first, *layers, *[IDENTITY] * (len(others) - len(layers))]
        return tuple(found)

    def format(self, architecture: Architecture) -> str:
        """Write an architecture as in the authors' file, such as `02012100`."""
        return "".join(map(str, architecture))

    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; raise `InvalidInput` for another text."""
        if _WRITTEN.fullmatch(text) is None:
            raise InvalidInput(
                f"architecture {shown(text)} is none of space '{self.name}': write the digits 0 "
                f"({BLOCKS[0]}), 1 ({BLOCKS[1]}) or 2 ({BLOCKS[2]}) of its {LAYERS} layers, such "
                "as 02012100"
            )
        return tuple(map(int, text))
