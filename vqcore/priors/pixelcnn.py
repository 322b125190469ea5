"""Gated PixelCNN (arXiv:1606.05328 §2): a vertical stack over the rows above, a horizontal one along the row, no blind spot.

Each book has a stack of its own. It sees the whole grids of the books before it through the paper's location-dependent condition
V·s (§2.3), to which we also add a learned vector for each place and each label. Other departures: the vertical stack has residual
connections too, and the output reads the sum of all layers' horizontal features. Sequences are one row, single vectors one cell.

Sampling computes only what the new cell changes (arXiv:1704.06001): vertical features a row at a time, horizontal ones a cell at a
time.

Axes: B batch, M codes an example, K the largest book's codes, C width, h w a grid, r rows, n columns, k kernel, p = (k − 1) / 2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqcore.config.prior import PixelCNNConfig
from vqcore.errors import ConfigError
from vqcore.layout import Grid, Layout
from vqcore.priors.base import Prior, Stepper, dropped


class PixelCNN(Prior):
    """Raises ConfigError for grids of more than two axes."""

    def __init__(self, config: PixelCNNConfig, layout: Layout) -> None:
        super().__init__(layout, conditional=config.conditional)
        self.stacks = nn.ModuleList(
            [Stack(config, grid, layout.grids[:i], layout.classes if config.conditional else 0) for i, grid in enumerate(layout.grids)]
        )

    def forward(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        given = self.checked_labels(labels, len(codes))
        noise = generator if self.training else None
        grids = _rectangles(self.layout, codes)
        parts = [
            F.pad(stack(grids[i], grids[:i], given, noise).float(), (0, self.layout.vocabulary - grid.K), value=-torch.inf)
            for i, (grid, stack) in enumerate(zip(self.layout.grids, self.stacks, strict=True))
        ]
        return torch.cat(parts, dim=1)  # (B, M, K)

    def stepper(self, batch: int, labels: Tensor | None = None) -> Stepper:
        return _Incremental(self, batch, self.checked_labels(labels, batch))


class Stack(nn.Module):
    """The PixelCNN of one book, given the grids of the books before."""

    def __init__(self, config: PixelCNNConfig, grid: Grid, earlier: tuple[Grid, ...], classes: int) -> None:
        super().__init__()
        C = config.hidden
        self.size = rectangle(grid)  # (h, w)
        self.embed = nn.Embedding(grid.K, C)
        self.place = nn.Parameter(torch.randn(1, C, *self.size) * 0.1)
        self.label = nn.Embedding(classes, C) if classes else None
        self.earlier = nn.ModuleList([nn.Embedding(book.K, C) for book in earlier])
        self.context = nn.Sequential(nn.Conv2d(C, C, 3, padding=1), nn.ReLU(), nn.Conv2d(C, C, 3, padding=1)) if earlier else None
        self.layers = nn.ModuleList(
            [Layer(C, config.kernel, config.dropout, first=i == 0, last=i == config.layers - 1) for i in range(config.layers)]
        )
        self.read = nn.Sequential(nn.ReLU(), nn.Linear(C, C), nn.ReLU(), Drop(config.dropout), nn.Linear(C, grid.K))

    def forward(self, codes: Tensor, earlier: tuple[Tensor, ...], labels: Tensor | None, noise: torch.Generator | None = None) -> Tensor:
        """codes (B, h, w), and the grids before -> logits (B, h·w, K); with dropout where there is noise."""
        condition = self.condition(earlier, labels)
        v = h = self.embed(codes).movedim(-1, 1)  # (B, C, h, w)
        total = torch.zeros_like(h)
        for layer in self.layers:
            v, h, out = layer(v, h, condition, noise)
            total = total + out
        x = total.movedim(1, -1).flatten(1, 2)
        for part in self.read:
            x = part(x, noise) if isinstance(part, Drop) else part(x)
        return x

    def condition(self, earlier: tuple[Tensor, ...], labels: Tensor | None) -> Tensor:
        """What every layer is told about each cell besides the codes of this book: (B or 1, C, h, w)."""
        s: Tensor = self.place
        if labels is not None and self.label is not None:
            s = s + self.label(labels)[:, :, None, None]
        if self.context is not None:
            # pooling equals the nearest cell where the earlier grid is coarser, and leaves no cell out where it is finer
            seen = [F.adaptive_avg_pool2d(embed(grid).movedim(-1, 1), self.size) for embed, grid in zip(self.earlier, earlier, strict=True)]
            s = s + self.context(torch.stack(seen).sum(dim=0))
        return s


class Drop(nn.Module):
    """`dropped`, as a layer that is passed its noise."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, noise: torch.Generator | None = None) -> Tensor:
        return dropped(x, self.share, noise)


class Layer(nn.Module):
    """One gated layer. Vertical features at row r depend on rows above r alone, horizontal ones also on the row's cells on the left.

    The first layer leaves out the row and the cell themselves; later ones may see them, for they already do not contain them.
    The last one hands features to the output alone.
    """

    def __init__(self, C: int, k: int, dropout: float, *, first: bool, last: bool) -> None:
        super().__init__()
        self.p = k // 2
        self.first = first
        self.dropout = dropout
        own = 0 if first else 1
        self.vertical = nn.Conv2d(C, 2 * C, (self.p + own, k))
        self.horizontal = nn.Conv2d(C, 2 * C, (1, self.p + own))
        self.down = nn.Conv2d(2 * C, 2 * C, 1)
        self.given = nn.Conv2d(C, 4 * C, 1, bias=False)
        self.v_out = None if last else nn.Conv2d(C, C, 1)
        self.h_out = None if last else nn.Conv2d(C, C, 1)
        self.skip = nn.Conv2d(C, C, 1)

    def forward(self, v: Tensor, h: Tensor, condition: Tensor, noise: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """v, h (B, C, h, w), condition (B or 1, C, h, w) -> the next v and h, and what goes to the output."""
        given_v, given_h = self.given(condition).chunk(2, dim=1)  # (B or 1, 2C, h, w)
        above = self.vertical(self.padded_v(v))  # (B, 2C, h, w)
        along = self.horizontal(self.padded_h(h)) + self.down(above) + given_h
        out = dropped(gate(along), self.dropout, noise)
        if self.v_out is None or self.h_out is None:
            return v, h, self.skip(out)
        new_v, new_h = self.v_out(gate(above + given_v)), self.h_out(out)
        if not self.first:
            new_v, new_h = new_v + v, new_h + h
        return new_v, new_h, self.skip(out)

    def padded_v(self, v: Tensor) -> Tensor:
        """v with zeros above and beside, so that the convolution gives h × w; the first layer does not get the last row."""
        return F.pad(v, (self.p, self.p, self.p, -1 if self.first else 0))

    def padded_h(self, h: Tensor) -> Tensor:
        """h with zeros on the left; the first layer does not get the last column."""
        return F.pad(h, (self.p, -1 if self.first else 0))


def gate(x: Tensor) -> Tensor:
    """tanh of one half of the channels times sigmoid of the other (eq. 2)."""
    a, b = x.chunk(2, dim=1)
    return a.tanh() * b.sigmoid()


def rectangle(grid: Grid) -> tuple[int, int]:
    """(h, w): a sequence is one row, a single vector one cell. Raises ConfigError for more axes."""
    if len(grid.shape) > 2:
        raise ConfigError(f"A PixelCNN takes grids of two axes, sequences and single vectors, not {grid.shape}: choose the Transformer.")
    h, w = (1, 1, *grid.shape)[-2:]
    return h, w


def _rectangles(layout: Layout, codes: Tensor) -> tuple[Tensor, ...]:
    return tuple(grid.reshape(len(codes), *rectangle(form)) for form, grid in zip(layout.grids, layout.split(codes), strict=True))


class _Incremental(Stepper):
    """One book after the other, each with what it has computed so far."""

    def __init__(self, prior: PixelCNN, batch: int, labels: Tensor | None) -> None:
        self.prior = prior
        self.batch = batch
        self.labels = labels
        self.starts = prior.layout.starts()
        self.book = -1
        self.current: _Book | None = None

    @torch.no_grad()
    def logits(self, codes: Tensor, position: int) -> Tensor:
        book = max(i for i, start in enumerate(self.starts) if start <= position)
        grids = _rectangles(self.prior.layout, codes)
        if self.current is None or book != self.book:
            stack = self.prior.stacks[book]
            assert isinstance(stack, Stack)
            self.book = book
            self.current = _Book(stack, self.batch, stack.condition(grids[:book], self.labels))
        logits = self.current.logits(grids[book], position - self.starts[book])
        return F.pad(logits, (0, self.prior.layout.vocabulary - logits.shape[1]), value=-torch.inf)


class _Book:
    """The features of one book's stack, as far as codes are final.

    `vertical`: the input of each layer (B, C, p + h, w + 2p), zeros around; `horizontal`: of the present row (B, C, p + w).
    """

    def __init__(self, stack: Stack, batch: int, condition: Tensor) -> None:
        self.stack = stack
        self.layers = [layer for layer in stack.layers if isinstance(layer, Layer)]
        self.h, self.w = stack.size
        C, p = condition.shape[1], self.layers[0].p
        zeros = condition.new_zeros
        self.vertical = [zeros(batch, C, p + self.h, self.w + 2 * p) for _ in self.layers]
        self.horizontal = [zeros(batch, C, p + self.w) for _ in self.layers]
        self.given = [layer.given(condition) for layer in self.layers]  # (B or 1, 4C, h, w)
        self.down = [zeros(batch, 2 * C, self.w) for _ in self.layers]  # what the present row gets from the rows above
        self.p = p
        self.rows = 0  # rows whose vertical features are computed
        self.columns = 0  # cells of the present row whose horizontal features are computed

    def logits(self, codes: Tensor, cell: int) -> Tensor:
        """Logits (B, K) at `cell`, given codes (B, h, w) that are final before it."""
        row, column = divmod(cell, self.w)
        if row >= self.rows:
            self._down_to(codes, row)
            self.columns = 0
        return self.stack.read(self._along(codes, row, column))  # type: ignore[no-any-return]

    def _down_to(self, codes: Tensor, row: int) -> None:
        """Vertical features of all rows up to `row`, of which the rows above are final."""
        p, start, stop = self.p, self.rows, row + 1
        if row:
            known = max(0, start - 1)  # rows from here to the one above were not final before
            self.vertical[0][:, :, p + known : p + row, p : p + self.w] = self.stack.embed(codes[:, known:row]).movedim(-1, 1)
        for i, layer in enumerate(self.layers):
            last = stop + p - 1 if layer.first else stop + p
            above = layer.vertical(self.vertical[i][:, :, start:last])  # (B, 2C, r, w)
            self.down[i] = layer.down(above[:, :, -1:])[:, :, 0] + self.given[i].chunk(2, dim=1)[1][:, :, row]
            if layer.v_out is not None:
                new = layer.v_out(gate(above + self.given[i].chunk(2, dim=1)[0][:, :, start:stop]))
                inner = (slice(None), slice(None), slice(p + start, p + stop), slice(p, p + self.w))
                self.vertical[i + 1][inner] = new if layer.first else new + self.vertical[i][inner]
        self.rows = stop

    def _along(self, codes: Tensor, row: int, column: int) -> Tensor:
        """Horizontal features up to `column`; what goes to the output there, (B, C)."""
        p, start, stop = self.p, self.columns, column + 1
        if column:
            known = max(0, start - 1)
            self.horizontal[0][:, :, p + known : p + column] = self.stack.embed(codes[:, row, known:column]).movedim(-1, 1)
        total: Tensor | None = None
        for i, layer in enumerate(self.layers):
            last = stop + p - 1 if layer.first else stop + p
            along = _conv(layer.horizontal, self.horizontal[i][:, :, start:last]) + self.down[i][:, :, start:stop]  # (B, 2C, n)
            out = gate(along)
            if layer.h_out is not None:
                new = _conv(layer.h_out, out)
                inner = (slice(None), slice(None), slice(p + start, p + stop))
                self.horizontal[i + 1][inner] = new if layer.first else new + self.horizontal[i][inner]
            skip = _conv(layer.skip, out[:, :, -1:])[:, :, 0]
            total = skip if total is None else total + skip
        self.columns = stop
        assert total is not None
        return total


def _conv(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """The convolution with kernel (1, k) along x (B, C, n + k − 1) as one matrix product, (B, C', n)."""
    k = conv.kernel_size[1]
    windows = x.unfold(2, k, 1).transpose(1, 2).flatten(2)  # (B, n, C·k)
    return F.linear(windows, conv.weight.flatten(1), conv.bias).transpose(1, 2)
