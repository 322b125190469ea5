"""A causal Transformer over the codes as one sequence (arXiv:1706.03762), with GPT-2's blocks: normalised first, GELU, four times wider.

Position i sees the code before it, a place of its own, and through attention all positions before; each book has its own embedding
and its own output layer, so that books may differ in K. A label is added to every position. Dropout is on what blocks add, not on
attention's weights: there it would cost a sixth of a training step on a CPU.

Axes: B batch, M codes an example, T positions at once, C width, H heads, c = C / H, K the largest book's codes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqcore.config.prior import TransformerConfig
from vqcore.errors import ConfigError
from vqcore.layout import Layout
from vqcore.priors.base import Prior, Stepper, dropped

_INIT = 0.02  # GPT-2's standard deviation of every weight


class Transformer(Prior):
    """Raises ConfigError for a width that the heads do not share evenly."""

    def __init__(self, config: TransformerConfig, layout: Layout) -> None:
        super().__init__(layout, conditional=config.conditional)
        C = config.hidden
        if C % config.heads:
            raise ConfigError(f"prior.hidden {C} is not a multiple of prior.heads {config.heads}: choose one that is.")
        self.embed = nn.Embedding(sum(grid.K for grid in layout.grids), C)
        self.place = nn.Parameter(torch.empty(layout.length, C))
        self.first = nn.Parameter(torch.empty(C))  # in place of a code before the first one
        self.label = nn.Embedding(layout.classes, C) if config.conditional else None
        self.dropout = config.dropout
        self.blocks = nn.ModuleList([Block(C, config.heads, config.dropout) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(C)
        self.heads = nn.ModuleList([nn.Linear(C, grid.K) for grid in layout.grids])
        # where each position's codes begin in `embed`
        offsets = torch.tensor([sum(grid.K for grid in layout.grids[:i]) for i in range(len(layout.grids))])
        cells = torch.tensor([grid.cells for grid in layout.grids])
        self.register_buffer("offset", torch.repeat_interleave(offsets, cells), persistent=False)  # (M,)
        self._start(config.layers)

    def forward(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        noise = generator if self.training else None
        h = dropped(self.tokens(codes, labels, 0, codes.shape[1]), self.dropout, noise)  # (B, M, C)
        for block in self.blocks:
            h = block(h, noise)
        return self.read(h, 0)

    def stepper(self, batch: int, labels: Tensor | None = None) -> Stepper:
        return _Cached(self, batch, self.checked_labels(labels, batch))

    def tokens(self, codes: Tensor, labels: Tensor | None, start: int, stop: int) -> Tensor:
        """What the first block is given at positions start to stop, (B, T, C): the code before each, the place, the label."""
        before = self.embed(codes[:, max(0, start - 1) : stop - 1] + self.get_buffer("offset")[max(0, start - 1) : stop - 1])
        if start == 0:
            before = torch.cat([self.first.expand(len(codes), 1, -1), before], dim=1)
        h: Tensor = before + self.place[start:stop]
        given = self.checked_labels(labels, len(codes))
        return h if given is None or self.label is None else h + self.label(given)[:, None]

    def read(self, h: Tensor, start: int) -> Tensor:
        """Logits float32 (B, T, K) from what the last block gave at positions from `start` on, (B, T, C)."""
        h = self.norm(h)
        stop = start + h.shape[1]
        parts = []
        for grid, begin, head in zip(self.layout.grids, self.layout.starts(), self.heads, strict=True):
            first, last = max(start, begin), min(stop, begin + grid.cells)
            if first < last:
                logits = head(h[:, first - start : last - start]).float()
                parts.append(F.pad(logits, (0, self.layout.vocabulary - grid.K), value=-torch.inf))
        return torch.cat(parts, dim=1)

    def _start(self, layers: int) -> None:
        """GPT-2's initial weights: what adds to the residual stream is smaller the more there are."""
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1 or name == "first":
                nn.init.normal_(parameter, std=_INIT / (2 * layers) ** 0.5 if name.endswith("out.weight") else _INIT)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x))."""

    def __init__(self, C: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.norm = nn.LayerNorm(C)
        self.qkv = nn.Linear(C, 3 * C)
        self.attention_out = nn.Linear(C, C)
        self.mlp_norm = nn.LayerNorm(C)
        self.mlp_in = nn.Linear(C, 4 * C)
        self.mlp_out = nn.Linear(4 * C, C)

    def forward(self, x: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """(B, M, C), causally; with dropout where there is noise."""
        q, k, v = self.split(x)
        return self.rest(x, F.scaled_dot_product_attention(q, k, v, is_causal=True), noise)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of x (B, T, C), each (B, H, T, c)."""
        parts = self.qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, T, c)
        return parts[0], parts[1], parts[2]

    def rest(self, x: Tensor, seen: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """All that follows once attention has given `seen` (B, H, T, c)."""
        x = x + dropped(self.attention_out(seen.transpose(1, 2).flatten(2)), self.dropout, noise)
        return x + dropped(self.mlp_out(F.gelu(self.mlp_in(self.mlp_norm(x)))), self.dropout, noise)


class _Cached(Stepper):
    """Keys and values of earlier positions are kept; a new position computes its own and looks back."""

    def __init__(self, prior: Transformer, batch: int, labels: Tensor | None) -> None:
        self.prior = prior
        self.labels = labels
        self.blocks = [block for block in prior.blocks if isinstance(block, Block)]
        C, heads = prior.place.shape[1], self.blocks[0].heads
        shape = (len(self.blocks), 2, batch, heads, prior.layout.length, C // heads)
        self.kept = torch.zeros(shape, device=prior.device)  # keys and values of each block
        self.done = 0  # positions whose keys and values are kept

    @torch.no_grad()
    def logits(self, codes: Tensor, position: int) -> Tensor:
        start, stop = self.done, position + 1
        h = self.prior.tokens(codes, self.labels, start, stop)  # (B, T, C)
        # position start + t sees all up to itself
        mask = None if stop - start == 1 else torch.ones(stop - start, stop, dtype=torch.bool, device=h.device).tril(start)
        for block, kept in zip(self.blocks, self.kept, strict=True):
            q, k, v = block.split(h)
            kept[0, :, :, start:stop], kept[1, :, :, start:stop] = k, v
            h = block.rest(h, F.scaled_dot_product_attention(q, kept[0, :, :, :stop], kept[1, :, :, :stop], attn_mask=mask))
        self.done = stop
        return self.prior.read(h[:, -1:], position)[:, 0]
