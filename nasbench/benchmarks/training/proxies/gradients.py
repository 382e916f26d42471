"""Proxies from the gradient of a minibatch's loss: grad-norm, snip, grasp, fisher.

All four are sums over the whole network of measures that were made for pruning single weights, as
in Abdelfattah, Mehrotra, Dudziak & Lane, "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, with
L the mean cross-entropy of one minibatch and θ the weights of convolutions and linear layers.
Biases and batch norm's parameters do not count, as in the authors' code. Batch norm uses the
statistics of the minibatch.
"""

import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.data import Images
from nasbench.benchmarks.training.proxies.parts import (
    gradients,
    hooked,
    loss_of,
    total,
    weighted,
)


def grad_norm(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Sum over layers of the Euclidean norm of the gradient, Σ_l ‖∂L/∂θ_l‖.

    Abdelfattah et al. 2021, Section 3.1, who describe it as the sum of norms over layers. No
    deviation from their code is known.
    """
    return total([gradient.norm() for _, gradient in gradients(network, batch)])


def snip(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Sum over weights of the connection sensitivity, Σ |∂L/∂θ · θ|.

    Lee, Ajanthan & Torr, "SNIP", ICLR 2019; Abdelfattah et al. 2021, Eq. 1. Their code has a mask
    of ones on every weight and takes the gradient of the mask, which is the same product.
    """
    return total(
        [(weight * gradient).abs().sum() for weight, gradient in gradients(network, batch)]
    )


def grasp(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Sum over weights of the effect on the gradient's norm, Σ −(H ∂L/∂θ) · θ.

    H is the Hessian of L. Wang, Zhang & Grosse, "GraSP", ICLR 2020; Abdelfattah et al. 2021, Eq. 1.
    The product with H is the gradient of gᵀ·∂L/∂θ with g = ∂L/∂θ held fixed. Deviation from the
    paper of 2020: one minibatch of any images, in place of ten of every class. The temperature is
    1, as in the code of 2021 (200 in the paper of 2020).
    """
    weights = [one.weight for one in weighted(network)]
    loss = loss_of(network, batch)
    found = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    used = [
        (w, g) for w, g in zip(weights, found, strict=True) if g is not None and g.requires_grad
    ]
    if not used:
        return 0.0
    product = torch.stack([(g.detach() * g).sum() for _, g in used]).sum()
    curved = torch.autograd.grad(product, [w for w, _ in used], allow_unused=True)
    bent = [(w.detach(), hg) for (w, _), hg in zip(used, curved, strict=True) if hg is not None]
    return total([-(w * hg).sum() for w, hg in bent])


def fisher(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Sum over channels of the Fisher information of activations, Σ_c ½ E_n (Σ_p z · ∂L/∂z)².

    z is the output of a convolution or linear layer, p its pixels, n the images. Theis et al.,
    "Faster gaze prediction with dense networks and Fisher pruning", 2018, Eq. 8; Turner et al.,
    "BlockSwap", ICLR 2020; Abdelfattah et al. 2021, Eq. 2. As in their code, L is the mean over the
    minibatch, so that the gradients of single images are 1/n of those of the papers: all scores are
    smaller by the same factor.
    """
    outputs: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output)

    with hooked([*weighted(network)], keep):
        loss = loss_of(network, batch)
    found = torch.autograd.grad(loss, outputs, allow_unused=True)
    terms = []
    for output, gradient in zip(outputs, found, strict=True):
        if gradient is not None:
            product = output.detach() * gradient
            by_channel = product.flatten(2).sum(dim=2) if product.dim() > 2 else product
            terms.append(by_channel.square().mean(dim=0).sum() / 2)
    return total(terms)
