"""The words of loss, gradients and error."""

from __future__ import annotations

from vqcore.words.entry import Entry

LOSS: dict[str, Entry] = {
    "loss": Entry(
        "Loss",
        "What training makes smaller: how wrong the picture is, plus how far codes and encoder disagree.",
        r"$L = L_\mathrm{rec} + w_\mathrm{cb} L_\mathrm{cb} + \beta L_\mathrm{com}$. With EMA the codebook term is left out: "
        "averages do its work.",
        "0 or more",
        "vqcore.records.Step.loss",
        plain=("objective", "total loss"),
    ),
    "reconstruction": Entry(
        "Reconstruction loss",
        "How far the drawn image is from the original, as training counts it.",
        r"mse: mean $|x - \hat x|^2$ over the training data's variance. bce: binary cross-entropy, mean over pixels.",
        "mse: 0 or more, without unit; bce: nats per pixel",
        "vqcore.config.model.VQVAEConfig.reconstruction",
        ("reconstruction",),
        ("reconstruction error",),
    ),
    "bce": Entry(
        "Binary cross-entropy",
        "The reconstruction loss for black-and-white pixels: surprise at each true pixel.",
        r"$-x \ln \hat x - (1 - x) \ln (1 - \hat x)$, mean over pixels.",
        "nats per pixel, 0 or more",
        "vqcore.config.model.VQVAEConfig.reconstruction",
    ),
    "codebook_loss": Entry(
        "Codebook loss",
        "Pulls each chosen code towards the encoder outputs that chose it. Nothing else moves codes, unless EMA does.",
        r"$L_\mathrm{cb} = \mathrm{mean}\,|\mathrm{sg}[z_e] - z_q|^2$ over vectors and their numbers; equal in value to the "
        "unweighted commitment.",
        "0 or more",
        "vqcore.config.quantizer.VQConfig.codebook_weight",
        ("codebook_weight",),
        ("vq loss", "dictionary loss"),
    ),
    "commitment": Entry(
        "Commitment",
        "Holds encoder outputs near the code they chose, so that they do not run away from the codebook.",
        r"$L_\mathrm{com} = \mathrm{mean}\,|z_e - \mathrm{sg}[z_q]|^2$, before β. It shows the same number as the codebook "
        "loss; only who moves differs.",
        "0 or more",
        "vqcore.config.quantizer.VQConfig.commitment_weight",
    ),
    "commitment_weight": Entry(
        "Commitment weight β",
        "How strongly encoder outputs are held near their codes.",
        r"β in $L_\mathrm{rec} + w_\mathrm{cb} L_\mathrm{cb} + \beta L_\mathrm{com}$. Its scale depends on how the losses are "
        "averaged: compare by a sweep, not by rule.",
        "0 to 100; 0.25 in the paper",
        "vqcore.config.quantizer.VQConfig.commitment_weight",
        ("commitment_weight",),
        ("beta",),
    ),
    "stop_gradient": Entry(
        "Stop-gradient",
        "A value that training reads but may not change.",
        r"$\mathrm{sg}[v] = v$ forward, with gradient 0 backward.",
        plain=("detach", "sg"),
    ),
    "straight_through": Entry(
        "Straight-through",
        "Choosing a code has no slope, so the decoder's wishes are handed to the encoder as if nothing had been replaced.",
        r"Forward $z_q$, backward $\partial z_q / \partial z_e := I$. It hides where $z_e$ lies in its cell; a step may cross a "
        "border and raise the loss.",
        where="vqcore.config.quantizer.VQConfig.estimator",
        fields=("estimator",),
        plain=("ste", "gradient estimator"),
    ),
    "rotation": Entry(
        "Rotation trick",
        "The decoder's wishes are turned and scaled as the code is against the encoder output, before they are handed on.",
        r"$z_q = \lambda R\, z_e$ with rotation $R$ and $\lambda = |z_q| / |z_e|$ held constant backward (arXiv:2410.06424).",
        where="vqcore.config.quantizer.VQConfig.estimator",
    ),
    "mse": Entry(
        "MSE",
        "The mean squared difference between original and reconstruction.",
        r"$\mathrm{mean}\,(x - \hat x)^2$ over validation pixels in [0, 1].",
        "0 to 1 for images",
        "vqcore.metrics.reconstruction.mse",
        plain=("mean squared error",),
    ),
    "nmse": Entry(
        "NMSE",
        "The error as a share of the data's own spread. Read it beside the mean picture's value.",
        r"MSE over the training data's global variance $\mathrm{Var}(x)$, one number over all pixels.",
        "0 or more; 0 is perfect",
        "vqcore.metrics.reconstruction.nmse",
        plain=("normalised mean squared error",),
    ),
    "mean_picture": Entry(
        "Mean picture's NMSE",
        "What one would score by always answering with the average training image. A model above it has learned nothing.",
        r"$\mathrm{mean}\,(x - \bar x)^2 / \mathrm{Var}(x)$ with $\bar x$ the mean training image, pixel by pixel. Usually "
        "under 1: about 0.5 on digits.",
        "0 or more",
        "vqcore.records.Evaluation.nmse_mean_picture",
        plain=("baseline",),
    ),
    "psnr": Entry(
        "PSNR",
        "The error on a scale where higher is better, and 10 more means a tenth of the squared error.",
        r"$10 \log_{10} (1 / \mathrm{MSE})$, peak 1.",
        "dB",
        "vqcore.metrics.reconstruction.psnr",
        plain=("peak signal-to-noise ratio",),
    ),
}
