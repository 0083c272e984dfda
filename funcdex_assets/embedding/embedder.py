"""The protocol by which texts become vectors. An implementation stands in a module of its own."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from funcdex_assets.records.errors import UserError


class Embedder(Protocol):
    """Turns texts into vectors; `name` identifies the embedder, since vectors of two embedders are not comparable."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32 of shape (texts, dimensions), each row of length 1."""
        ...


class EmbedderUnavailable(UserError, RuntimeError):
    """The embedder's model is not on this machine."""

    is_systemic = True
