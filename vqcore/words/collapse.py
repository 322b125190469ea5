"""The words of a collapsed codebook: what a diagnosis measures, and what may be done about it."""

from __future__ import annotations

from vqcore.words.entry import Entry

COLLAPSE: dict[str, Entry] = {
    "diagnosis": Entry(
        "Diagnosis",
        "What the recorded figures of a run look like, in words, and what to try first. It can be wrong.",
        "Rules over the findings, the first that fits: NaN; 80 % of codes in use; fewer vectors than codes; a runaway encoder; a network "
        "that gave up; codes in use rising; large steps; many numbers a code; codes out of reach; a codebook too large.",
        where="vqcore.clinic.diagnosis.diagnose",
        plain=("clinic", "pattern", "cause"),
    ),
    "spread": Entry(
        "Spread of the encoder",
        "How widely encoder outputs are scattered: the yardstick for how far away a code lies.",
        "Over the snapshot's sample of at most 512 outputs, in all $D$ dimensions.",
        "0 or more; 0: the encoder's output is the same for every input",
        "vqcore.clinic.signs.Signs.spread",
        plain=("cloud", "variance of z_e", "standard deviation"),
        equation=r"s = \sqrt{\mathrm{mean}\,|z_e - \bar z_e|^2}",
    ),
    "dead_distance": Entry(
        "Distance of dead codes",
        "How far a typical dead code lies from the nearest encoder output.",
        "Over dead codes $e_k$, with $z_i$ the sampled outputs and $s$ their spread. In $D$ dimensions: a map may show them nearer.",
        "spreads, 0 or more",
        "vqcore.clinic.signs.Signs.dead_distance",
        plain=("out of reach", "far"),
        equation=r"\mathrm{median}_k \, \min_i |e_k - z_i| \,/\, s",
    ),
    "runaway": Entry(
        "Runaway encoder",
        "Encoder outputs grow longer and longer, and codes cannot follow. Usually the commitment term is off or weak.",
        r"Mean $|z_e|$ many times what it was at the first step, and above the $|e_k|$ of codes in use.",
        where="vqcore.clinic.signs.Signs.lead",
        plain=("drift", "explosion"),
    ),
    "walk": Entry(
        "The encoder's walk",
        "How far encoder outputs move while codes learn to follow them. A code learns only where it is chosen, so a long common walk "
        "leaves most of them behind.",
        "Over the same outputs $z$ in each look, at most 512 of validation data: the root mean square distance since the last look, the "
        "share of its square that is one direction, and the root mean square distance to the nearest code.",
        "distances 0 or more, share 0 to 100 %",
        "vqcore.records.BookWalk",
        plain=("drift", "displacement", "why codes die"),
        equation=r"d = \sqrt{\mathrm{mean}\,|\Delta z|^2}, \quad |\mathrm{mean}\,\Delta z|^2 / d^2",
    ),
    "kept_variance": Entry(
        "Variance kept",
        "How much of the encoder's output survives being replaced by codes.",
        "$s$ is the spread of the encoder. Under 0: the mean of all outputs would be a better answer than the nearest code.",
        "up to 1",
        "vqcore.clinic.signs.Signs.kept",
        plain=("quantisation error",),
        equation=r"1 - \mathrm{mean}\,|z_e - z_q|^2 \,/\, s^2",
    ),
    "vectors_per_code": Entry(
        "Vectors for each code",
        "How many choices one pass over the training data offers to each code, if all shared alike.",
        "$N$ training images of $M$ cells. Under 1, some codes must go unused whatever one does.",
        "above 0",
        "vqcore.clinic.signs.Signs.vectors_per_code",
        plain=("data per code",),
        equation=r"N \cdot M \,/\, K",
    ),
}
