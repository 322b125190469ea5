"""The words of rate and distortion, of what a codebook costs, and of sweeps."""

from __future__ import annotations

from vqcore.words.entry import Entry

CAPACITY: dict[str, Entry] = {
    "rate": Entry(
        "Rate",
        "How many bits one image takes once it has become indices.",
        r"Bits per image under a stated way of writing indices: with names of equal length $M \log_2 K$, with names as long as the "
        r"histogram asks $M \cdot H$, or less with a learned prior. The codebook and the decoder are not counted: both sides have them.",
        "bits per image, 0 or more",
        plain=("bit rate", "bits per image", "compression"),
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
        r"$M \log_2 K$. No statistics are needed to write or to read it.",
        "bits per image",
        "vqcore.sweeps.results.Result.fixed_bits",
        plain=("fixed length", "capacity"),
    ),
    "histogram_bits": Entry(
        "Histogram bits",
        "Bits of an image when frequent codes get short names and rare ones long names.",
        r"$M \cdot H$ with $H$ the entropy of the histogram over validation data: what an ideal code with that fixed table reaches on "
        r"average. Both sides need the table. The same data gave the table and were counted, so it is a little too low where few "
        r"vectors were counted for many codes.",
        "bits per image, 0 to M·log2 K",
        "vqcore.sweeps.results.Result.histogram_bits",
        plain=("entropy coding", "variable length", "Huffman"),
    ),
    "codebook_size": Entry(
        "Size of the codebook",
        "How many numbers the codebook holds, and how much memory they take.",
        r"$K \cdot D$ numbers, 4 bytes each in float32. It is stored once with the model, not with every image.",
        "K·D numbers, 4·K·D bytes",
        plain=("parameters", "bytes", "memory"),
    ),
    "share_used": Entry(
        "Share of codes used",
        "What part of the codebook does any work.",
        "Codes chosen at least once over K: on validation data with the model frozen, or in training within its last epoch. A book of "
        "more codes than vectors counted cannot be used whole.",
        "0 to 100 %",
        "vqcore.sweeps.results.Result.share_used",
        plain=("usage", "utilisation"),
    ),
    "lookup_cost": Entry(
        "Cost of the lookup",
        "Finding the nearest code means a distance to every code, so it grows with K.",
        r"About $2 N K D$ floating point operations for $N$ vectors. The whole table of distances holds $N \cdot K$ numbers, and more "
        r"while it is made; worked through in blocks, the same search holds one block.",
        "milliseconds; bytes",
        "vqcore.analysis.stopwatch.lookup",
        plain=("stopwatch", "time", "memory", "nearest neighbour search"),
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
