"""The space of GPT-S, the small transformers of HW-GPT-Bench.

Sukthanker et al., HW-GPT-Bench, arXiv 2405.10299, 2024. A network has one width of
its embedding, biases or none, 10 to 12 layers, and in each layer a number of heads and a ratio of
the hidden layer's width to the embedding's.
"""

import re
from collections.abc import Hashable

from nasbench.errors import InvalidInput
from nasbench.spaces.categorical import Architecture, Decision
from nasbench.spaces.conditional import ConditionalSpace
from nasbench.text import shown

GPT_S = "gpt-s"
EMBEDDINGS = (192, 384, 768)
BIASES = ("nobias", "bias")
LAYERS = (10, 11, 12)
HEADS = (4, 8, 12)
RATIOS = (2, 3, 4)
_FIRST = 3
"""Decisions before those of the layers."""
_TEXT = re.compile(r"(\d+)-(nobias|bias)-(\d+x\d(?:_\d+x\d)*)")


def _decision(name: str, choices: tuple[int, ...] | tuple[str, ...]) -> Decision:
    return Decision(name, tuple(map(str, choices)))


class GptS(ConditionalSpace):
    """Transformers of 10 to 12 layers: 1.9 * 10^12 networks.

    An architecture has the positions of its embedding in `EMBEDDINGS`, of its bias in `BIASES`, of
    its number of layers in `LAYERS`, and then for each layer those of its heads in `HEADS` and of
    its ratio in `RATIOS`. It is written as embedding, bias, and heads x ratio of each layer:
    `384-nobias-12x2_4x3_12x4_...`.
    """

    name = GPT_S

    def next_decision(self, choices: Architecture) -> Decision | None:
        """Return the decision after some choices; layers beyond the number do not exist."""
        made = len(choices)
        if made < _FIRST:
            return _HEAD[made]
        layer, second = divmod(made - _FIRST, 2)
        return _LAYERS[layer][second] if layer < LAYERS[choices[2]] else None

    def state(self, choices: Architecture) -> Hashable:
        """Return how many decisions are left, or the choices before the number of layers."""
        made = len(choices)
        return made if made < _FIRST else ("left", 2 * LAYERS[choices[2]] - (made - _FIRST))

    def format(self, architecture: Architecture) -> str:
        """Write an architecture, see the class."""
        embedding, bias, _, *layers = architecture
        pairs = zip(layers[::2], layers[1::2], strict=True)
        written = "_".join(f"{HEADS[head]}x{RATIOS[ratio]}" for head, ratio in pairs)
        return f"{EMBEDDINGS[embedding]}-{BIASES[bias]}-{written}"

    def parse(self, text: str) -> Architecture:
        """Read what `format` writes; raise `InvalidInput` for another text."""
        found = _TEXT.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            pairs = [one.split("x") for one in found[3].split("_")]
            layers = ((HEADS.index(int(head)), RATIOS.index(int(ratio))) for head, ratio in pairs)
            architecture = (
                EMBEDDINGS.index(int(found[1])), BIASES.index(found[2]), LAYERS.index(len(pairs)),
                *(choice for layer in layers for choice in layer),
            )  # fmt: skip
            if self.format(architecture) != text:  # such as 0192
                raise ValueError
        except ValueError:
            raise InvalidInput(
                f"architecture {shown(text)} is none of space '{GPT_S}': write the embedding (192, "
                "384, 768), nobias or bias, and heads (4, 8, 12) x ratio (2 to 4) of 10 to 12 "
                "layers, such as 384-bias-" + "_".join(["8x4"] * LAYERS[0])
            ) from None
        return architecture


_HEAD = (
    _decision("embedding", EMBEDDINGS), _decision("bias", BIASES), _decision("layers", LAYERS),
)  # fmt: skip
_LAYERS = tuple(
    (_decision(f"heads {layer}", HEADS), _decision(f"ratio {layer}", RATIOS))
    for layer in range(1, LAYERS[-1] + 1)
)
