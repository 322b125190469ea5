"""The words of the model: its parts, its sizes, what stands where."""

from __future__ import annotations

from vqcore.words.entry import Entry

MODEL: dict[str, Entry] = {
    "vqvae": Entry(
        "VQ-VAE",
        "A network that describes an image with entries of a fixed list, and redraws it from that description alone.",
        r"Encoder $E$, codebook $e_1 \dots e_K$, decoder $G$: $\hat x = G(e_{k(x)})$ with $k(x) = \arg\min_k |E(x) - e_k|$ "
        "(arXiv:1711.00937).",
        where="vqcore.config.model.VQVAEConfig",
    ),
    "encoder": Entry(
        "Encoder",
        "The half of the network that turns an image into a small grid of vectors.",
        "$E$: image $(C, H, W)$ to $z_e$ of shape $(D, h, w)$; strided convolutions, then residual blocks. Points: a small "
        "MLP, one vector.",
        where="vqcore.models.vqvae.VQVAE.encode",
    ),
    "decoder": Entry(
        "Decoder",
        "The half of the network that draws an image from codes.",
        r"$G$: $z_q$ of shape $(D, h, w)$ to an image $(C, H, W)$. It never sees $z_e$.",
        where="vqcore.models.vqvae.VQVAE.decode",
    ),
    "code": Entry(
        "Code",
        "One entry of the codebook: a short list of numbers that stands for a piece of an image.",
        r"$e_k \in \mathbb{R}^D$, one row of the codebook.",
        "D real numbers",
        plain=("codeword", "embedding", "prototype", "centroid"),
    ),
    "codebook": Entry(
        "Codebook",
        "The list of all codes. Like a painter's palette: the decoder may use nothing else.",
        r"$e \in \mathbb{R}^{K \times D}$, learned with the network, or as moving averages (EMA).",
        where="vqcore.quantizers.vq.VQ.codebooks",
        plain=("palette", "dictionary", "embedding table", "vocabulary"),
    ),
    "K": Entry(
        "Codes K",
        "How many codes there are to choose from.",
        r"The number of rows of the codebook. Naming one of them takes $\log_2 K$ bits.",
        "2 to 65,536",
        "vqcore.config.quantizer.VQConfig.K",
        ("K",),
        ("codebook size",),
    ),
    "D": Entry(
        "Code dimension D",
        "How many numbers each code has. It does not change how many bits an index takes.",
        r"The length of each code and of each $z_e$ vector.",
        "1 to 1,024",
        "vqcore.config.quantizer.VQConfig.D",
        ("D",),
        ("embedding dimension",),
    ),
    "M": Entry(
        "Cells M",
        "How many codes describe one image.",
        r"The number of cells of the latent grid, $M = h \cdot w$; 1 for a single vector.",
        "1 or more",
        "vqcore.records.BookEvaluation.indices_per_image",
        plain=("tiles", "tokens", "indices per image"),
    ),
    "latent_grid": Entry(
        "Latent grid",
        "The coarse chequerboard laid over an image: each cell gets one code.",
        r"$h \times w$ cells with $h = \lceil H / f \rceil$, $w = \lceil W / f \rceil$ at downsampling $f$.",
        where="vqcore.records.Gallery.indices",
        plain=("index grid", "index map", "feature map"),
    ),
    "single_vector": Entry(
        "Single vector",
        "The whole image becomes one code, so the model can draw exactly K pictures.",
        r"Downsampling 'vector': $M = 1$, no grid.",
        where="vqcore.config.model.VQVAEConfig.downsampling",
    ),
    "downsampling": Entry(
        "Downsampling",
        "How many pixels along each side share one cell of the grid.",
        r"$f$: an image of side $H$ gives $\lceil H / f \rceil$ cells; sizes that do not divide are padded and cropped back.",
        "2, 4, 8, or the whole input as one vector",
        "vqcore.config.model.VQVAEConfig.downsampling",
        ("downsampling",),
        ("stride", "compression factor"),
    ),
    "hidden": Entry(
        "Width",
        "How many channels the hidden layers have: more is stronger and slower.",
        "Channels of the encoder's and the decoder's hidden layers.",
        "4 to 512, a multiple of 4",
        "vqcore.config.model.VQVAEConfig.hidden",
        ("hidden",),
    ),
    "residual_blocks": Entry(
        "Residual blocks",
        "Layers that add a correction to what they are given.",
        r"$x \mapsto x + f(x)$ with $f$ two convolutions; this many in the encoder and in the decoder.",
        "0 to 8",
        "vqcore.config.model.VQVAEConfig.residual_blocks",
        ("residual_blocks",),
    ),
    "z_e": Entry(
        "z_e",
        "What the encoder says about a cell, before it is replaced by a code.",
        r"$z_e = E(x)$, one vector of $D$ numbers a cell. Drawn as a colour: its place on the codebook's first principal components.",
        where="vqcore.records.Gallery.z_e",
        plain=("encoder output", "pre-quantisation"),
    ),
    "z_q": Entry(
        "z_q",
        "What the decoder gets for a cell: the chosen code itself.",
        r"$z_q = e_k$ with $k$ the cell's index.",
        where="vqcore.records.Gallery.z_q",
        plain=("quantised latent",),
    ),
    "index": Entry(
        "Index",
        "The number of the code that was chosen for a cell. These numbers are all that need be stored.",
        r"$k = \arg\min_j |z_e - e_j|^2$; under the l2 distance both sides are scaled to length 1 first. Ties go to the lowest number.",
        "0 to K − 1",
        "vqcore.quantizers.lookup.nearest_code",
        plain=("token", "nearest code", "argmin", "quantisation"),
    ),
    "distance": Entry(
        "Distance",
        "How closeness between an encoder output and a code is measured.",
        r"Euclidean: $|z_e - e_k|$. l2-normalised: $|z_e/|z_e| - e_k/|e_k||$, so only directions count.",
        where="vqcore.config.quantizer.VQConfig.distance",
        fields=("distance",),
    ),
    "l2": Entry(
        "l2-normalised",
        "Vectors are scaled to length 1 before they are compared: only their direction counts.",
        r"$v \mapsto v / |v|$ on both sides; nearest is then the same as most similar by cosine.",
        where="vqcore.config.quantizer.VQConfig.distance",
        plain=("cosine", "unit length"),
    ),
    "capacity": Entry(
        "Capacity M·log2 K",
        "How many bits an image's indices take if every index is written with the same length. D does not enter.",
        r"$M \log_2 K$: the most that the indices can say, and the length of a fixed-length code. What they do say may be less: "
        "see entropy.",
        "bits per image, 0 or more",
        "vqcore.records.BookEvaluation.capacity_bits",
        plain=("bits", "rate", "fixed-code length"),
    ),
    "colour": Entry(
        "Code colours",
        "One code, one colour, on every screen. Codes that lie close look alike; dead codes are grey.",
        "Hue and lightness from the code's place on the first principal components of the codes in use.",
        where="vqcore.colours.CodeColours",
        plain=("pca colours",),
    ),
}
