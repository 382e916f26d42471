"""Proxies that compare the images of a minibatch with each other: naswot and jacov.

A network that treats all images alike cannot tell them apart, and its score is low. Batch norm uses
the statistics of the minibatch.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.data import Images
from nasbench.benchmarks.training.proxies.parts import hooked

_SMALL = 1e-5


@torch.no_grad()
def naswot(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Log-determinant of the kernel of ReLU patterns, log |K|.

    K_ij is the number of ReLUs that are on for both images i and j or off for both: the number of
    ReLUs minus the Hamming distance of the two binary codes. Mellor, Turner, Storkey & Crowley,
    "Neural Architecture Search without Training", ICML 2021, Eq. 2 and 3. The ReLUs are the
    `nn.ReLU` modules, as in the authors' code. Deviation: ReLUs on edges without effect do not
    count where a space's networks leave such edges out. Minus infinity where two images have
    the same code.
    """
    kernel = torch.zeros(len(batch.images), len(batch.images), dtype=torch.float64)

    def compare(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        on = (inputs[0] > 0).flatten(1).float()
        off = 1 - on
        kernel.add_((on @ on.T + off @ off.T).double().cpu())

    network.train()
    with hooked([one for one in network.modules() if isinstance(one, nn.ReLU)], compare):
        network(batch.images)
    sign, logarithm = np.linalg.slogdet(kernel.numpy())
    return float(logarithm) if sign > 0 else -math.inf


def jacov(network: nn.Module, batch: Images, _: torch.Generator) -> float:
    """Score of the correlations of the images' Jacobians, −Σ_i [log(σ_i + k) + 1 / (σ_i + k)].

    The Jacobian of an image is the gradient of the sum of its logits with respect to its pixels,
    σ_i are the eigenvalues of the matrix of correlations between images, and k is 1e-5. Mellor,
    Turner, Storkey & Crowley, "Neural Architecture Search without Training", arXiv:2006.04647v1,
    2020, Eq. 4; `jacob_cov` of Abdelfattah et al., ICLR 2021. The eigenvalues are those of a
    symmetric matrix, which the authors' code does not use. Minus infinity where an image's Jacobian
    is constant.
    """
    network.train()
    images = batch.images.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(network(images).sum(), images)
    jacobians = found.flatten(1).double().cpu().numpy()
    centred = jacobians - jacobians.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    if not (norms > 0).all() or not np.isfinite(norms).all():
        return -math.inf
    unit = centred / norms
    values = np.linalg.eigvalsh(unit @ unit.T).clip(min=0) + _SMALL
    return -float(np.sum(np.log(values) + 1 / values))
