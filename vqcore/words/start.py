"""Words of the first five minutes."""

from __future__ import annotations

from vqcore.words.entry import Entry

START: dict[str, Entry] = {
    "palette": Entry(
        "Palette",
        "The few colours that a picture may use. A codebook is a palette whose entries are whole vectors.",
        "K colours, found by k-means on the picture's pixels; every pixel is replaced by the nearest of them.",
        "2 to 64 on the first card",
        plain=("colours", "posterise"),
    ),
    "quantisation": Entry(
        "Vector quantisation",
        "Replacing a vector by the nearest entry of a fixed list, and keeping only its number.",
        "Then $e_k$ stands for $z$.",
        where="vqcore.quantizers.lookup.nearest_code",
        plain=("snap", "vq", "quantization", "nearest", "arg min", "nearest neighbour", "vector quantization"),
        equation=r"k = \arg\min_j |z - e_j|",
    ),
    "bits_per_pixel": Entry(
        "Bits a pixel",
        "How many yes-or-no answers name one pixel's colour.",
        "For a palette of K colours; 24 for a pixel of three bytes.",
        "1 to 6 on the first card; more than 0",
        plain=("colour depth",),
        equation=r"\log_2 K",
    ),
    "contact_sheet": Entry(
        "Contact sheet",
        "All the pictures that a model with one code a picture can draw, one a code.",
        "The decoder's output for each of the K codes, with that code at every place of the latent grid.",
        where="vqcore.training.evaluation.snapshot",
        plain=("all pictures", "sheet"),
    ),
}
