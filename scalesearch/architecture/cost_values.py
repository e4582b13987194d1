"""What a network costs, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The closed-form cost of a network for one image.

    Attributes:
        params: trainable parameters, batch norm's scale and shift included.
        macs: multiply-adds of convolutions and linear layers, no bias, no batch norm.
        activations: elements of the output tensors of all convolutions and linear layers (the measure of
            arXiv 2003.13678 and 2103.06877).
        norm_elements: elements that batch norm reads (fvcore counts 2 operations for each in eval mode).
        pool_elements: elements that adaptive average pooling reads (fvcore counts 1 for each).
        layers: convolutions, squeeze-and-excites, pools and linear layers.
        layer_norm_elements: elements that layer norm reads (fvcore counts 5 operations for each).
    """

    params: int
    macs: int
    activations: int
    norm_elements: int
    pool_elements: int
    layers: int
    layer_norm_elements: int = 0

    @property
    def weight_bytes(self) -> int:
        """Bytes of the parameters in float32."""
        return self.params * FLOAT32_BYTES

    @property
    def activation_bytes(self) -> int:
        """Bytes of the counted activations of one image in float32."""
        return self.activations * FLOAT32_BYTES

    @property
    def fvcore_total(self) -> int:
        """What fvcore's default handlers are expected to add up to in eval mode."""
        return self.macs + self.norm_operations + self.pool_elements

    @property
    def norm_operations(self) -> int:
        """What fvcore counts of the norms in eval mode."""
        return 2 * self.norm_elements + 5 * self.layer_norm_elements


STATES_PER_PARAM: Mapping[str, int] = MappingProxyType({"adamw": 2, "sgd": 1, "rmsprop": 2})
"""Values that an optimizer keeps for each parameter: AdamW both moments, SGD its momentum, RMSProp the mean
square and its momentum."""
