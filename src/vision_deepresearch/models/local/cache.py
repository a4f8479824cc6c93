"""Keys and values of trajectories: kept one by one, decoded side by side in rows of a block.

    Kept    what one trajectory's tokens left behind, while nobody samples for it
    Block   rows of trajectories that are sampled together; each row has a length of its own

Rows are ragged to the right: a token is written where its row ends, and a mask hides the rest. So a
trajectory joins or leaves by copying its own keys and values, and nothing is padded on the left.
Shapes: R = row, H = key-value head, T = token of the cache, Q = new token, D = width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

_GROWTH = 1.25
_GRAIN_TOKENS = 256
_GRAIN_ROWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Keys and values of one trajectory's first tokens."""

    keys: torch.Tensor
    """(layers, H, T, D)."""
    values: torch.Tensor

    @property
    def num_tokens(self) -> int:
        """T."""
        return self.keys.shape[2]

    @property
    def num_bytes(self) -> int:
        """Memory held."""
        return 2 * self.keys.numel() * self.keys.element_size()


class Block:
    """Rows that are decoded together. Stands for a cache in transformers' forward calls.

    Memory: rows x longest row; freed when the last row has left.
    """

    def __init__(
        self,
        *,
        num_layers: int,
        num_heads: int,
        head_dim: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._shape = (num_layers, num_heads, head_dim)
        self._dtype, self._device = dtype, device
        self.lengths: list[int] = []
        """Tokens per row."""
        self._keys = self._empty(0, 0)
        self._values = self._empty(0, 0)
        self._first = 0
        self._new_lengths: list[int] = []
        self._view = 0
        self._rows = torch.zeros(0, dtype=torch.long)
        self._places = torch.zeros(0, dtype=torch.long)

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self.lengths)

    def add(self, kept: Kept | None, *, num_tokens: int = 0) -> None:
        """A new last row that begins with the first tokens of a kept cache; None: an empty one."""
        row = self.num_rows
        self._reserve(row + 1, num_tokens)
        if kept is not None and num_tokens:
            self._keys[:, row, :, :num_tokens] = kept.keys[:, :, :num_tokens]
            self._values[:, row, :, :num_tokens] = kept.values[:, :, :num_tokens]
        self.lengths.append(num_tokens if kept is not None else 0)

    def copy(self, row: int, *, num_tokens: int) -> Kept:
        """The first tokens of a row, in memory of their own."""
        return Kept(
            keys=self._keys[:, row, :, :num_tokens].clone(),
            values=self._values[:, row, :, :num_tokens].clone(),
        )

    def remove(self, row: int) -> None:
        """Drop a row; the last one takes its place."""
        last = self.num_rows - 1
        if row != last:
            length = self.lengths[last]
            self._keys[:, row, :, :length] = self._keys[:, last, :, :length]
            self._values[:, row, :, :length] = self._values[:, last, :, :length]
            self.lengths[row] = length
        self.lengths.pop()
        if not self.lengths:
            self.clear()

    def clear(self) -> None:
        """Drop all rows and free the memory."""
        self.lengths.clear()
        self._keys, self._values = self._empty(0, 0), self._empty(0, 0)

    def begin(self, first: int, new_lengths: Sequence[int]) -> torch.Tensor:
        """Make the next forward call write to rows `first`, `first` + 1...

        Args:
            first: row of the call's first sequence.
            new_lengths: tokens each sequence brings; the longest is Q, shorter ones are padded.

        Returns:
            (R, 1, Q, T) what each new token may look at: what its row holds up to it. Padding
            looks where the last token of its row looks, so that no row of the mask is empty.
        """
        count = len(new_lengths)
        before = torch.tensor(self.lengths[first : first + count])
        fresh = torch.tensor(list(new_lengths))
        query = int(fresh.max())
        self._view = int((before + fresh).max())
        self._reserve(self.num_rows, self._view)
        self._first, self._new_lengths = first, list(new_lengths)
        self._rows = torch.arange(first, first + count, device=self._device)
        self._places = before.to(self._device)
        ends = before[:, None] + torch.minimum(torch.arange(query)[None], fresh[:, None] - 1)
        mask = torch.arange(self._view)[None, None] <= ends[:, :, None]
        return mask[:, None].to(self._device)

    def update(
        self,
        keys: torch.Tensor,
        values: torch.Tensor,
        layer: int,
        *args: object,  # noqa: ARG002 - transformers' signature
        **more: object,  # noqa: ARG002 - transformers' signature
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by each layer: write its new (R, H, Q, D) and give back all that its rows hold."""
        own_keys, own_values = self._keys[layer], self._values[layer]
        first, count = self._first, len(self._new_lengths)
        if keys.shape[2] == 1:
            own_keys[self._rows, :, self._places] = keys[:, :, 0]
            own_values[self._rows, :, self._places] = values[:, :, 0]
        else:
            for place, fresh in enumerate(self._new_lengths):
                start = self.lengths[first + place]
                own_keys[first + place, :, start : start + fresh] = keys[place, :, :fresh]
                own_values[first + place, :, start : start + fresh] = values[place, :, :fresh]
        rows = slice(first, first + count)
        return own_keys[rows, :, : self._view], own_values[rows, :, : self._view]

    def commit(self) -> None:
        """The forward call is over: its tokens belong to the rows."""
        for place, fresh in enumerate(self._new_lengths):
            self.lengths[self._first + place] += fresh

    def _reserve(self, num_rows: int, num_tokens: int) -> None:
        """Make room. Unused places hold zeros, for a weight of 0 times NaN would be NaN."""
        rows, tokens = self._keys.shape[1], self._keys.shape[3]
        if num_rows <= rows and num_tokens <= tokens:
            return
        if num_rows > rows:
            rows = -(-max(num_rows, int(rows * _GROWTH)) // _GRAIN_ROWS) * _GRAIN_ROWS
        if num_tokens > tokens:
            tokens = -(-max(num_tokens, int(tokens * _GROWTH)) // _GRAIN_TOKENS) * _GRAIN_TOKENS
        keys, values = self._empty(rows, tokens), self._empty(rows, tokens)
        for row, length in enumerate(self.lengths):
            keys[:, row, :, :length] = self._keys[:, row, :, :length]
            values[:, row, :, :length] = self._values[:, row, :, :length]
        self._keys, self._values = keys, values

    def _empty(self, rows: int, tokens: int) -> torch.Tensor:
        layers, heads, width = self._shape
        shape = (layers, rows, heads, tokens, width)
        return torch.zeros(shape, dtype=self._dtype, device=self._device)
