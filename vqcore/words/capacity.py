"""The words of rate and distortion, of what a codebook costs, and of sweeps."""

from __future__ import annotations

from vqcore.words.entry import Entry

CAPACITY: dict[str, Entry] = {
    "rate": Entry(
        "Rate",
        "How many bits one image takes once it has become indices.",
        "Bits per image under a stated way of writing indices: with names of equal length, with names as long as the histogram "
        "of entropy $H$ asks, or less with a learned prior. The codebook and the decoder are not counted: both sides have them.",
        "bits per image, 0 or more",
        plain=("bit rate", "bits per image", "compression"),
        equation=r"M \log_2 K \quad \text{or} \quad M \cdot H",
    ),
    "distortion": Entry(
        "Distortion",
        "How far the reconstruction is from the original.",
        "Here NMSE or PSNR of the frozen model on validation data. Other measures of distance may rank models otherwise.",
        plain=("error", "reconstruction error"),
    ),
    "rate_distortion": Entry(
        "Rate and distortion",
        "What more bits buy: the error against the bits an image takes.",
        "One point a trained model. The lower left edge of all points is what was reached here with these networks and this training; "
        "it is no bound on what can be reached.",
        plain=("rate-distortion curve", "trade-off"),
    ),
    "fixed_bits": Entry(
        "Fixed-code bits",
        "Bits of an image when every code has a name of the same length.",
        "No statistics are needed to write or to read it.",
        "bits per image",
        "vqcore.sweeps.results.Result.fixed_bits",
        plain=("fixed length", "capacity"),
        equation=r"M \log_2 K",
    ),
    "histogram_bits": Entry(
        "Histogram bits",
        "Bits of an image when frequent codes get short names and rare ones long names.",
        "$H$ is the entropy of the histogram over validation data: what an ideal code with that fixed table reaches on average. "
        "Both sides need the table. The same data gave the table and were counted, so it is a little too low where few vectors "
        "were counted for many codes.",
        "bits per image, 0 to M·log2 K",
        "vqcore.sweeps.results.Result.histogram_bits",
        plain=("entropy coding", "variable length", "Huffman"),
        equation=r"M \cdot H = -M \sum_k p_k \log_2 p_k",
    ),
    "kl": Entry(
        "KL term",
        "How far what the encoder says of one image is from what the prior expects of any. In a plain VQ-VAE it is a constant.",
        r"The encoder chooses one index a cell with certainty, so under a uniform prior the divergence is the same for every image: no "
        "gradient, nothing to learn. A VAE's moves.",
        "bits per image",
        plain=("Kullback-Leibler divergence", "relative entropy", "ELBO", "VAE"),
        equation=r"\mathrm{KL}\bigl(q(k \mid x) \,\Vert\, p(k)\bigr) = M \log_2 K",
    ),
    "posterior_collapse": Entry(
        "Posterior collapse",
        "The decoder does without the description, and the encoder says the same of every image. It is not codebook collapse.",
        "In a VAE the KL term rewards it. A plain VQ-VAE has no such pull, as its KL term is a constant; yet indices that are all alike "
        "say as little: their entropy is then 0.",
        plain=("ignored latents", "VAE"),
        equation=r"q(z \mid x) = p(z)",
    ),
    "codebook_size": Entry(
        "Size of the codebook",
        "How many numbers the codebook holds, and how much memory they take.",
        "Numbers, 4 bytes each in float32. It is stored once with the model, not with every image.",
        "K·D numbers, 4·K·D bytes",
        plain=("parameters", "bytes", "memory"),
        equation=r"K \cdot D",
    ),
    "share_used": Entry(
        "Share of codes used",
        "What part of the codebook does any work.",
        "Codes chosen at least once: on validation data with the model frozen, or in training within its last epoch. A book of "
        "more codes than vectors counted cannot be used whole.",
        "0 to 100 %",
        "vqcore.sweeps.results.Result.share_used",
        plain=("usage", "utilisation"),
        equation=r"\text{codes used} \,/\, K",
    ),
    "lookup_cost": Entry(
        "Cost of the lookup",
        "Finding the nearest code means a distance to every code, so it grows with K.",
        r"About so many floating point operations for $N$ vectors. The whole table of distances holds $N \cdot K$ numbers, and "
        "more while it is made; worked through in blocks, the same search holds one block.",
        "milliseconds; bytes",
        "vqcore.analysis.stopwatch.lookup",
        plain=("stopwatch", "time", "memory", "nearest neighbour search"),
        equation=r"2\, N K D",
    ),
    "sweep": Entry(
        "Sweep",
        "The same run again and again with one or a few settings varied.",
        "Every combination of the given values, each with every seed. All else, data and order of batches included, is the same for "
        "runs of one seed.",
        where="vqcore.sweeps.spec.SweepSpec",
        plain=("grid search", "ablation", "experiment"),
    ),
    "seed_spread": Entry(
        "Spread of the seeds",
        "How much a figure differs between runs that differ only in their seed.",
        "The mark is the mean over seeds, the bar reaches from the lowest to the highest. Three seeds say little about rare outcomes; "
        "bars that overlap say that a difference is not shown.",
        where="vqcore.sweeps.results.Cell.spread",
        plain=("error bars", "variance", "repeat"),
    ),
}
