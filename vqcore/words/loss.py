"""The words of loss, gradients and error."""

from __future__ import annotations

from vqcore.words.entry import Entry

LOSS: dict[str, Entry] = {
    "loss": Entry(
        "Loss",
        "What training makes smaller: how wrong the picture is, plus how far codes and encoder disagree.",
        "Reconstruction loss, codebook loss and commitment, each with its weight (arXiv:1711.00937 eq. 3). With EMA the "
        "codebook term is left out: averages do its work.",
        "0 or more",
        "vqcore.records.Step.loss",
        plain=("objective", "total loss", "three terms", "VQ-VAE loss", "equation 3"),
        equation=r"L = L_\mathrm{rec} + w_\mathrm{cb}\, L_\mathrm{cb} + \beta\, L_\mathrm{com}",
    ),
    "reconstruction": Entry(
        "Reconstruction loss",
        "How far the drawn image is from the original, as training counts it.",
        "mse: this, with the variance of the training data. bce: binary cross-entropy, mean over pixels.",
        "mse: 0 or more, without unit; bce: nats per pixel",
        "vqcore.config.model.VQVAEConfig.reconstruction",
        ("reconstruction",),
        ("reconstruction error",),
        equation=r"L_\mathrm{rec} = \mathrm{mean}\,(x - \hat x)^2 \,/\, \mathrm{Var}(x)",
    ),
    "bce": Entry(
        "Binary cross-entropy",
        "The reconstruction loss for black-and-white pixels: surprise at each true pixel.",
        r"The mean over pixels, with $\hat x$ as the probability of white.",
        "nats per pixel, 0 or more",
        "vqcore.config.model.VQVAEConfig.reconstruction",
        plain=(
            "cross-entropy loss",
            "log loss",
            "Bernoulli likelihood",
        ),
        equation=r"-x \ln \hat x - (1 - x) \ln (1 - \hat x)",
    ),
    "codebook_loss": Entry(
        "Codebook loss",
        "Pulls each chosen code towards the encoder outputs that chose it. Nothing else moves codes, unless EMA does.",
        r"Over vectors and their numbers, with $\mathrm{sg}$ the stop-gradient: it moves codes alone. Equal in value to the "
        "unweighted commitment.",
        "0 or more",
        "vqcore.config.quantizer.VQConfig.codebook_weight",
        ("codebook_weight",),
        ("vq loss", "dictionary loss"),
        equation=r"L_\mathrm{cb} = \mathrm{mean}\,(\mathrm{sg}[z_e] - z_q)^2",
    ),
    "commitment": Entry(
        "Commitment",
        "Holds encoder outputs near the code they chose, so that they do not run away from the codebook.",
        r"Before β, with $\mathrm{sg}$ the stop-gradient: it moves the encoder alone. It shows the same number as the codebook "
        "loss; only who moves differs.",
        "0 or more",
        "vqcore.config.quantizer.VQConfig.commitment_weight",
        plain=(
            "commitment loss",
            "commitment term",
        ),
        equation=r"L_\mathrm{com} = \mathrm{mean}\,(z_e - \mathrm{sg}[z_q])^2",
    ),
    "commitment_weight": Entry(
        "Commitment weight β",
        "How strongly encoder outputs are held near their codes.",
        "β scales the commitment in the loss and nothing else. Its scale depends on how the losses are averaged: compare by a "
        "sweep, not by rule.",
        "0 to 100; 0.25 in the paper",
        "vqcore.config.quantizer.VQConfig.commitment_weight",
        ("commitment_weight",),
        ("beta", "commitment cost"),
        equation=r"\beta\, L_\mathrm{com}",
    ),
    "gradient": Entry(
        "Gradient",
        "How the loss would change if one number were nudged. Training moves each number the other way.",
        "One derivative a number. What a loss has gradient 0 at, it does not move.",
        plain=("slope", "derivative", "backward", "backpropagation"),
        equation=r"\partial L \,/\, \partial v",
    ),
    "stop_gradient": Entry(
        "Stop-gradient",
        "A value that training reads but may not change.",
        "Forward the value itself, backward nothing. PyTorch calls it detach.",
        plain=("detach", "sg"),
        equation=r"\mathrm{sg}[v] = v, \qquad \frac{\partial\, \mathrm{sg}[v]}{\partial v} := 0",
    ),
    "straight_through": Entry(
        "Straight-through",
        "Choosing a code has no slope, so the gradient at z_q is copied to z_e, as if nothing had been replaced.",
        "Forward the code, backward the identity. It hides where $z_e$ lies in its cell; a step may cross a border and raise the loss.",
        where="vqcore.config.quantizer.VQConfig.estimator",
        fields=("estimator",),
        plain=("ste", "gradient estimator", "copied gradient", "staircase"),
        equation=r"z_q = z_e + \mathrm{sg}[e_k - z_e], \qquad \frac{\partial z_q}{\partial z_e} = I",
    ),
    "rotation": Entry(
        "Rotation trick",
        "The gradient at z_q is rotated and scaled as the code is against the encoder output, then passed to z_e.",
        r"$R$ turns the direction of $z_e$ onto that of $z_q$; both $R$ and $\lambda$ are held constant backward "
        "(arXiv:2410.06424).",
        where="vqcore.config.quantizer.VQConfig.estimator",
        plain=(
            "rotation matrix",
            "gradient estimator",
        ),
        equation=r"z_q = \lambda R\, z_e, \qquad \lambda = |z_q| \,/\, |z_e|",
    ),
    "mse": Entry(
        "MSE",
        "The mean squared difference between original and reconstruction.",
        "Over validation pixels in [0, 1].",
        "0 to 1 for images",
        "vqcore.metrics.reconstruction.mse",
        plain=("mean squared error",),
        equation=r"\mathrm{MSE} = \mathrm{mean}\,(x - \hat x)^2",
    ),
    "nmse": Entry(
        "NMSE",
        "The error as a share of the data's own spread. Read it beside the mean picture's value.",
        r"$\mathrm{Var}(x)$ is the training data's global variance, one number over all pixels.",
        "0 or more; 0 is perfect",
        "vqcore.metrics.reconstruction.nmse",
        plain=("normalised mean squared error",),
        equation=r"\mathrm{NMSE} = \mathrm{MSE} \,/\, \mathrm{Var}(x)",
    ),
    "mean_picture": Entry(
        "Mean picture's NMSE",
        "What one would score by always answering with the average training image. A model above it has learned nothing.",
        r"$\bar x$ is the mean training image, pixel by pixel. Usually under 1: about 0.5 on digits.",
        "0 or more",
        "vqcore.records.Evaluation.nmse_mean_picture",
        plain=("baseline",),
        equation=r"\mathrm{mean}\,(x - \bar x)^2 \,/\, \mathrm{Var}(x)",
    ),
    "psnr": Entry(
        "PSNR",
        "The error on a scale where higher is better, and 10 more means a tenth of the squared error.",
        "For pixels whose peak is 1.",
        "dB",
        "vqcore.metrics.reconstruction.psnr",
        plain=("peak signal-to-noise ratio",),
        equation=r"10 \log_{10} (1 / \mathrm{MSE})",
    ),
}
