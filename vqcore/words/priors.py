"""The words of the second stage: distributions over codes, drawing from them, and grids edited by hand."""

from __future__ import annotations

from vqcore.words.entry import Entry

PRIORS: dict[str, Entry] = {
    "prior": Entry(
        "Prior",
        "What codes are to be expected before any picture is seen. It is learnt after the model, from the grids of the training images.",
        "A distribution over whole grids. The model is frozen; another codebook needs another prior.",
        where="vqcore.priors.base.Prior",
        plain=("second stage", "generation", "generative", "p(z)"),
        equation=r"p(k_1, \dots, k_M)",
    ),
    "autoregressive": Entry(
        "Autoregressive",
        "Cell after cell: each code is guessed from those before it.",
        "Exact for any distribution; what is learnt is each factor.",
        where="vqcore.priors.base.log_probabilities",
        plain=("factorise", "next token", "chain rule", "product of conditionals"),
        equation=r"p(k) = \prod_{i=1}^M p(k_i \mid k_{<i})",
    ),
    "raster_order": Entry(
        "Raster order",
        "The order in which cells are guessed: row by row, from the left, as one reads.",
        "Book after book where there are several. Another order would be another model, with other figures for single cells.",
        where="vqcore.layout.Layout",
        plain=("order", "scan"),
    ),
    "uniform": Entry(
        "Uniform prior",
        "Every code as likely as every other, everywhere.",
        r"$\log_2 K$ bits per code. Training the model assumes it; with it the KL term is a constant.",
        where="vqcore.config.prior.UniformConfig",
        plain=("random codes",),
        equation="p(k_i) = 1 / K",
    ),
    "histogram": Entry(
        "Histogram prior",
        "Codes as often as the training images have them, each cell by itself.",
        "Counted $p_i$, one table for all cells or one a cell. It knows no neighbours.",
        where="vqcore.config.prior.HistogramConfig",
        plain=("factorised", "independent", "marginal"),
        equation=r"p(k) = \prod_i p_i(k_i)",
    ),
    "pixelcnn": Entry(
        "PixelCNN",
        "A convolutional network that sees only cells above, and to the left in the same row.",
        "Gated, with a vertical and a horizontal stack, so that no earlier cell within reach is hidden (arXiv:1606.05328).",
        where="vqcore.config.prior.PixelCNNConfig",
        plain=("masked convolution", "gated", "blind spot"),
    ),
    "transformer": Entry(
        "Transformer",
        "A network in which each cell looks back at all earlier cells and chooses which of them matter.",
        "Causal self-attention over the grid as one sequence: queries $Q$, keys $K$ and values $V$ of $d$ numbers come from the "
        "cells, and later cells are masked (arXiv:1706.03762).",
        where="vqcore.config.prior.TransformerConfig",
        plain=("attention", "gpt", "causal", "softmax", "scaled dot product"),
        equation=r"\mathrm{softmax}\bigl(Q K^\top / \sqrt{d}\,\bigr)\, V",
    ),
    "conditional": Entry(
        "Given the label",
        "The prior is told what shall be drawn, a class of the data, and learns one distribution for each.",
        "$y$ is the label. Its bits do not count those that the label itself would take.",
        where="vqcore.config.prior.PixelCNNConfig.conditional",
        plain=("class-conditional", "label"),
        equation=r"p(k \mid y)",
    ),
    "cross_entropy": Entry(
        "Cross-entropy",
        "How surprised the prior is by real codes, on average. Lower is better.",
        "Over cells and images, in nats; 1 nat is 1.443 bits.",
        "nats per code, 0 or more",
        "vqcore.records.PriorEvaluation.loss",
        plain=("nll", "negative log-likelihood", "loss", "log loss", "negative log likelihood"),
        equation=r"-\mathrm{mean} \, \ln p(k_i \mid k_{<i})",
    ),
    "bits_per_code": Entry(
        "Bits per code",
        "How many yes-or-no questions one code takes, when the prior asks them.",
        r"The cross-entropy in bits. Guessing blindly takes $\log_2 K$. Comparable only between priors over the same codes.",
        "bits, 0 or more",
        "vqcore.records.PriorEvaluation.bits",
        plain=("log2",),
        equation=r"-\mathrm{mean} \, \log_2 p(k_i \mid k_{<i})",
    ),
    "bits_per_image": Entry(
        "Bits per image",
        "What a whole grid of codes takes under this prior.",
        "The decoder and the prior itself are not counted.",
        "bits, 0 or more",
        "vqcore.records.PriorEvaluation.bits_per_image",
        plain=("code length",),
        equation=r"M \cdot \text{bits per code}",
    ),
    "overfitting": Entry(
        "Overfitting gap",
        "How much better the prior does on grids it was trained on than on new ones.",
        "Validation bits less training bits per code, prior frozen, over as many training images. A gap that grows while the validation "
        "bits rise: it learns single images by heart.",
        "bits per code",
        "vqcore.records.PriorEvaluation.train_bits",
        plain=("generalisation", "memorise", "gap"),
    ),
    "samples": Entry(
        "Samples",
        "Grids drawn from the prior, cell by cell, and what the decoder makes of them. Nobody has drawn these pictures before.",
        "Each code is drawn from the prior's distribution given those before it; the frozen model decodes the grid.",
        where="vqcore.records.Samples",
        plain=("generate", "draw", "ancestral sampling"),
    ),
    "temperature": Entry(
        "Temperature",
        "How daring the drawing is: below 1 it prefers likely codes, above 1 it evens them out.",
        "Logits are divided by $T$ before each draw. Only $T = 1$ draws from what was learnt; the bits stated are those at $T = 1$.",
        "above 0; 1: as learnt",
        plain=("sharpness", "randomness", "softmax"),
        equation=r"p_T(k) \propto p(k)^{1/T}",
    ),
    "top_k": Entry(
        "Top-k",
        "Only the k likeliest codes of each cell may be drawn.",
        "The others get probability 0 and the rest is scaled up. 0: all may be drawn.",
        "0 to K",
        plain=("truncation",),
    ),
    "surprise": Entry(
        "Surprise",
        "How unexpected this code was here, given the cells before it.",
        "It depends on the order: a cell may surprise because an earlier one misled. It does not mean “wrong cell”. Only the "
        "sum over all cells belongs to the grid itself.",
        "bits, 0 or more",
        plain=("information", "self-information"),
        equation=r"-\log_2 p(k_i \mid k_{<i})",
    ),
    "resampling": Entry(
        "Resampling",
        "Some cells are drawn anew while the others stay.",
        "In raster order this is exact only where every cell after the first free one is free. Otherwise later cells must be weighed too: "
        "Gibbs sweeps.",
        plain=("inpainting", "completion"),
    ),
    "gibbs": Entry(
        "Gibbs sweep",
        "Each free cell in turn is drawn again given all others, earlier and later; once through all of them is a sweep.",
        "Single-site. Exact only after infinitely many sweeps; a few are an approximation.",
        "sweeps, 1 or more",
        plain=("mcmc", "sweep"),
        equation=r"p(k_i \mid \text{all others}) \propto \prod_{j \ge i} p(k_j \mid k_{<j})",
    ),
    "shuffled": Entry(
        "Shuffled cells",
        "The same codes, as often as before, in other places: the vocabulary stays, the arrangement is gone.",
        "The grid's cells in an order drawn at random. Code counts and the entropy of the histogram do not change; what a prior that looks "
        "at neighbours makes of it does.",
        where="vqcore.edits.shuffled",
        plain=("permutation", "arrangement", "shuffle the cells"),
    ),
    "cell_field": Entry(
        "Reach of a cell",
        "The part of the picture that one cell's code can change.",
        "The decoder's receptive field seen from the cell: pixels outside it never change with this code. It is not a cause: what "
        "happens inside depends on the neighbours too.",
        "pixels",
        plain=("receptive field of a cell", "influence"),
    ),
    "nearest_training": Entry(
        "Nearest training images",
        "The training images that are most like a sample. They tell whether the prior invents or copies.",
        "By the share of equal codes at equal cells, and by the squared distance of the pictures. To be read beside the same figure for "
        "real validation images, which copy nothing.",
        plain=("memorisation", "copy", "nearest neighbour"),
    ),
}
