"""The words of looking into a codebook: maps of it, what a code stands for, what its counts can tell."""

from __future__ import annotations

from vqcore.words.entry import Entry

INSPECT: dict[str, Entry] = {
    "projection": Entry(
        "Map of the codes",
        "Codes and encoder outputs have many numbers each; a map shows them on a flat screen, and so always leaves something out.",
        r"Each vector of $\mathbb{R}^D$ becomes a point of the plane: as it is where $D = 2$, else by PCA or UMAP.",
        where="vqcore.plots.projection.Basis",
        plain=("scatter", "embedding", "two dimensions"),
    ),
    "pca": Entry(
        "PCA",
        "A 2-D projection: the codes from the side from which they look most spread out. Points that look near may be far apart.",
        r"The first two principal components of the encoder outputs, turned towards dead codes where there are any; the same plane "
        "for every moment of the film. It keeps the share of the variance that the axes name; points that lie on one another may be far "
        "apart in the directions that it drops.",
        where="vqcore.plots.projection.Basis",
        plain=("principal components", "shadow"),
    ),
    "umap": Entry(
        "UMAP",
        "A drawing that tries to keep neighbours together. Distances, sizes and empty space in it mean nothing.",
        "Uniform manifold approximation and projection (arXiv:1802.03426) of the codes together with a sample of encoder outputs, at a "
        "fixed seed. Claims about distance are made in all D dimensions, never on this picture.",
        where="vqcore.analysis.projection.umap",
        plain=("manifold", "t-SNE"),
    ),
    "umap_neighbours": Entry(
        "Neighbours",
        "How many nearest vectors UMAP looks at around each: few show fine detail, many show the broad shape.",
        "UMAP's n_neighbors, the vector itself counted.",
        "2 to 200",
    ),
    "umap_distance": Entry(
        "Minimum distance",
        "How tightly UMAP may pack points that are alike. It changes how the picture looks, not what is near what.",
        "UMAP's min_dist, in units of the picture.",
        "0 to 1",
    ),
    "repeated": Entry(
        "Repeated codes",
        "Codes that are the very same vector. In a collapsed codebook there can be many.",
        "Rows that equal an earlier row in every number. UMAP is given each only once, as its result otherwise changes from run to run; "
        "afterwards they are all put at the same point.",
        "0 to K − 1",
        plain=("duplicates",),
    ),
    "cell": Entry(
        "Cell of a code",
        "The region in which a code is the nearest one: every encoder output in there becomes this code.",
        "A Voronoi cell. Drawn only where $D = 2$, as cells of a shadow are not shadows of cells.",
        plain=("voronoi", "region", "Voronoi cell"),
        equation=r"\{z : |z - e_k| \le |z - e_j| \ \text{for all} \ j\}",
    ),
    "used_validation": Entry(
        "Codes used on validation data",
        "How many codes the frozen model chooses at least once on images that it has not trained on.",
        "Codes with at least one hit over the evaluation's examples. More examples can only raise it.",
        "0 to K",
        "vqcore.records.BookEvaluation.used",
        plain=("active codes",),
    ),
    "vectors_counted": Entry(
        "Vectors counted",
        "How many choices a perplexity was computed from. Fewer choices give a lower number for the very same codebook.",
        r"$N$, images times cells. Of few vectors each code is met seldom or never, so the histogram looks narrower than it is. The "
        "curve is the mean over samples without replacement from the validation counts.",
        "1 or more",
        "vqcore.usage.perplexity_by_count",
        plain=("sample size", "batch size"),
    ),
    "decoded_code": Entry(
        "What a code draws",
        "The decoder's picture when every cell holds this one code.",
        "Each cell's drawing depends on its neighbours, so in a real picture the same code may look different.",
        plain=("constant grid", "thumbnail"),
        equation=r"G(e_k, \dots, e_k)",
    ),
    "patches": Entry(
        "Patches of a code",
        "The places of real images that chose this code and lie nearest to it.",
        r"Validation cells with index $k$, smallest $|z_e - e_k|$ first, at most one an image while there are enough images.",
        plain=("provenance", "examples", "nearest patches"),
    ),
    "receptive_field": Entry(
        "Receptive field",
        "The part of the image that the encoder could see when it filled this cell. Usually larger than the cell.",
        r"All pixels on which the cell's $z_e$ can depend. It says what could matter, not what did.",
        plain=("field of view", "context"),
    ),
    "fires": Entry(
        "Where it fires",
        "The cells of the gallery's images that got this code.",
        r"Cells with index $k$ in the 64 validation images of the gallery, at the latest evaluation.",
        where="vqcore.records.Gallery.indices",
        plain=("activation", "chosen cells"),
    ),
    "lives": Entry(
        "Lives of the codes",
        "Each code a line through training: the line ends where the code dies, and begins again where it is revived.",
        "Rows are codes, columns snapshots; a colour is the code's share of the choices since the snapshot before, on a log scale; empty: "
        "dead; pale: not chosen in this stretch, and not yet dead.",
        where="vqcore.plots.codes.lives",
        plain=("heat map", "film", "timeline"),
    ),
    "majority_label": Entry(
        "Majority label",
        "The label of the images in which this code is chosen most often.",
        "$n_{kl}$ are the choices of code $k$ in validation images of label $l$. A cell does not see the whole image: a code "
        "may stand for a stroke that many labels share.",
        where="vqcore.runs.probed.ProbedBook.majority",
        plain=("class",),
        equation=r"\arg\max_l n_{kl}",
    ),
    "purity": Entry(
        "Purity",
        "How much of a code's use falls on its majority label.",
        "$n_{kl}$ are the choices of code $k$ in images of label $l$. With $L$ labels alike in number, a code that knows "
        "nothing of them scores about $1 / L$.",
        "0 to 1",
        "vqcore.runs.probed.ProbedBook.majority",
        equation=r"\max_l n_{kl} \,/\, \textstyle\sum_l n_{kl}",
    ),
    "code_counts": Entry(
        "Code counts",
        "An image as the list of how often each code occurs in it. Where the codes stand is forgotten.",
        "A bag of codes.",
        plain=("bag of codes", "histogram"),
        equation=r"(c_1, \dots, c_K), \qquad \textstyle\sum_k c_k = M",
    ),
    "useful": Entry(
        "Are codes useful?",
        "If a simple classifier can name images from their code counts alone, the codes carry meaning that nobody taught them.",
        "Multinomial logistic regression from code counts to labels, fitted on training images, scored on validation images. Beside it, "
        "fitted and scored alike: counts whose codes' names are exchanged at random within each image; every image with the codes of "
        "another one; and always the most frequent label.",
        "0 to 100 % of validation images",
        "vqcore.analysis.usefulness.usefulness",
        plain=("linear probe", "classifier", "representation"),
    ),
}
