"""The words of training itself."""

from __future__ import annotations

from vqcore.words.entry import Entry

TRAINING: dict[str, Entry] = {
    "step": Entry(
        "Step",
        "One batch is shown and every weight moves a little.",
        "One update of the optimiser.",
        "1 or more",
        "vqcore.config.run.TrainConfig.steps",
        ("steps",),
        ("iteration", "update"),
    ),
    "epoch": Entry(
        "Epoch",
        "One pass over all training data.",
        "Training examples divided by the batch size, in steps.",
        where="vqcore.records.Step.epoch",
    ),
    "batch": Entry(
        "Batch",
        "The examples that one step looks at.",
        "Drawn without replacement, epoch by epoch.",
        "1 to 8,192 examples",
        "vqcore.config.run.TrainConfig.batch_size",
        ("batch_size",),
    ),
    "lr": Entry(
        "Learning rate",
        "How far weights move at each step. Too high diverges, too low crawls.",
        "Adam's step size.",
        "above 0 to 10",
        "vqcore.config.run.TrainConfig.lr",
        ("lr", "schedule"),
        ("step size", "adam"),
    ),
    "seed": Entry(
        "Seed",
        "The number from which all chance is drawn: the same seed and settings give the same run.",
        "Seeds every generator of the run. Bit for bit on the processor at a fixed number of threads.",
        "0 to 2,147,483,647",
        "vqcore.config.run.TrainConfig.seed",
        ("seed",),
        ("random",),
    ),
    "validation": Entry(
        "Validation data",
        "Images kept aside: the model is judged on them and never trained on them.",
        "A fixed split of each data set.",
        where="vqcore.config.run.TrainConfig.evaluation_images",
        fields=("evaluation_images", "evaluate_every"),
        plain=("held-out", "test"),
    ),
    "bfloat16": Entry(
        "bfloat16",
        "Numbers with fewer digits: faster on some chips. Choosing codes is always done in full precision.",
        "16 bits: 8 of exponent, 7 of mantissa. Encoder and decoder only; the quantizer computes in float32.",
        where="vqcore.config.run.TrainConfig.precision",
        fields=("precision",),
        plain=("mixed precision", "float32"),
    ),
    "device": Entry(
        "Device",
        "The chip that computes: an NVIDIA GPU (cuda), Apple's (mps), or the processor (cpu).",
        "auto takes the first of cuda, mps, cpu that is there.",
        where="vqcore.config.run.TrainConfig.device",
        fields=("device", "threads"),
        plain=("gpu",),
    ),
    "binarise": Entry(
        "Binarise",
        "Every pixel becomes black or white.",
        "1 where the pixel is 0.5 or more, else 0.",
        where="vqcore.config.data.DigitsConfig.binarise",
        fields=("binarise",),
    ),
    "treatment": Entry(
        "Treatment",
        "A change made while a run trains, to see what it does. It is written down with the run.",
        "The configuration is validated anew; what did not change is kept, weights and optimiser included.",
        where="vqcore.control.Command",
        plain=("revive now", "change while training"),
    ),
    "snapshot": Entry(
        "Snapshot",
        "The codebook and its usage, kept at one moment.",
        "Codes (float16, or float32 where that fails them), hits, ages and EMA counts, at each evaluation; thinned when many.",
        where="vqcore.records.Snapshot",
    ),
    "gallery": Entry(
        "Gallery",
        "The same 64 validation images through the model at each evaluation.",
        "Inputs, colours of z_e and z_q, indices, reconstructions.",
        where="vqcore.records.Gallery",
    ),
    "checkpoint": Entry(
        "Checkpoint",
        "Everything that a run needs to go on after an interruption.",
        "Weights, optimiser, counters and random generators, as of one step.",
        where="vqcore.records.State",
        fields=("checkpoint_every",),
    ),
}
