"""The order in which training sees the rows: packs without end, epoch after epoch, that can go on anywhere.

order = DataOrder(packs, seed=7)
order.take(2)                                            # the next two packs
DataOrder(packs, 7, order.epoch, order.position).take(2)  # what `order` would give next
"""

import random
from collections.abc import Sequence

from funcdex_assets.training.pack_tensors import PackTensors


class DataOrder:
    """Each epoch has every pack once, shuffled by the seed and the number of the epoch."""

    def __init__(self, packs: Sequence[PackTensors], seed: int, epoch: int = 0, position: int = 0) -> None:
        self._packs, self._seed = packs, seed
        self.epoch, self.position = epoch, position
        self._shuffled = self._shuffle(epoch)

    def take(self, count: int) -> list[PackTensors]:
        """Returns the next packs, all different ones; what an epoch lacks at its end comes from the next."""
        taken = []
        for _ in range(count):
            if self.position == len(self._packs):
                self.epoch, self.position = self.epoch + 1, 0
                self._shuffled = self._shuffle(self.epoch)
            taken.append(self._packs[self._shuffled[self.position]])
            self.position += 1
        return taken

    @property
    def epochs_seen(self) -> float:
        return self.epoch + self.position / len(self._packs)

    def _shuffle(self, epoch: int) -> list[int]:
        return random.Random(f"{self._seed} {epoch}").sample(range(len(self._packs)), len(self._packs))
