"""One-shot methods written down as their authors describe them, slowly, with torch's autograd.

A referee for the strategies: a plain network of one module per edge and operation, and loops that
do what AutoDL-Projects' scripts of NAS-Bench-201 do. Nothing here is shared with the strategies.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import EDGES, NODES, OPERATIONS
from nasbench.spaces.networks.base import Shape
from nasbench.spaces.networks.nb201_supernet import NasBench201Supernet
from tests.spaces.networks.plain_supernet import PlainSupernet
from tests.spaces.networks.test_nb201_supernet import shared

Batch = tuple[Tensor, Tensor]


def copy_of(fused: NasBench201Supernet, data: Input, shape: Shape) -> PlainSupernet:
    """Return the plain network with the weights of a fused one."""
    plain = PlainSupernet(data, shape, generator=torch.Generator()).double()
    for name in ("stem", "reductions", "head", "classifier"):
        getattr(plain, name).load_state_dict(getattr(fused, name).state_dict())
    for mine, theirs in shared(fused, plain, "data"):
        theirs.copy_(mine)
    return plain


def apply(edge: nn.Module, operation: int, x: Tensor) -> Tensor:
    """Compute one operation; the zeroing one multiplies by 0."""
    return x * 0 if operation == 0 else edge.operations[str(operation)](x)


def gdas_forward(
    net: PlainSupernet, images: Tensor, weights: Tensor, chosen: Sequence[int], *, constants: bool
) -> Tensor:
    """Return the logits of GDAS' sampled network.

    An edge brings `weights[chosen] * operation(x)` and, with `constants`, the bare number
    `weights[other]` for every other operation, which is broadcast over the feature map.
    """

    def cell(place: int, x: Tensor) -> Tensor:
        nodes = [x]
        for target in range(1, NODES):
            total = torch.zeros_like(x)
            for number, (source, end) in enumerate(EDGES):
                if end != target:
                    continue
                for operation in range(len(OPERATIONS)):
                    weight = weights[number, operation]
                    if operation == chosen[number]:
                        edge = net.cells[place].edges[number]
                        total = total + weight * apply(edge, operation, nodes[source])
                    elif constants:
                        total = total + weight
            nodes.append(total)
        return nodes[-1]

    x = net.stem(images)
    for place in range(len(net.cells)):
        if place and place % net.shape.cells == 0:
            x = net.reductions[place // net.shape.cells - 1](x)
        x = cell(place, x)
    return net.classifier(net.head(x).mean(dim=(2, 3)))


def darts_mixture(net: PlainSupernet, images: Tensor, alphas: Tensor) -> Tensor:
    """Return the logits of the mixture of all operations."""
    everything = (tuple(range(len(OPERATIONS))),) * len(EDGES)
    return net(images, everything, alphas.softmax(dim=1))


def darts_loop(
    net: PlainSupernet,
    alphas: Tensor,
    batches: Sequence[tuple[Batch, Batch]],
    *,
    learning_rate: float,
    clip: float,
) -> None:
    """Train weights and alphas as the script DARTS-V1 does: weights, then alphas.

    Its weights' optimiser zeroes the weights' gradients only, so that the alphas' gradient of the
    step before is still there when the norm of everything is clipped.
    """
    sgd = torch.optim.SGD(
        net.parameters(), lr=learning_rate, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    adam = torch.optim.Adam([alphas], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    for (images, labels), (search_images, search_labels) in batches:
        sgd.zero_grad(set_to_none=False)
        F.cross_entropy(darts_mixture(net, images, alphas), labels).backward()
        if clip:
            nn.utils.clip_grad_norm_([*net.parameters(), alphas], clip)
        sgd.step()
        adam.zero_grad(set_to_none=False)
        F.cross_entropy(darts_mixture(net, search_images, alphas), search_labels).backward()
        adam.step()
