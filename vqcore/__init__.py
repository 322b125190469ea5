"""Vector-quantised autoencoders: quantizers, models, training, runs on disk, and priors over their codes. Nothing here draws a screen.

The quantizer alone, in a training loop of your own. Your encoder gives z of shape (batch, D, *grid); your optimizer holds its
weights, the decoder's and `quantizer.parameters()`; the generator is a `torch.Generator`:

    from vqcore.config.quantizer import VQConfig
    from vqcore.quantizers.vq import VQ

    quantizer = VQ(VQConfig(K=64, D=16, learning="ema", revival_threshold=0.1))
    for x in batches:
        out = quantizer(encoder(x))
        loss = (decoder(out.z_q) - x).square().mean() + out.loss
        optimizer.zero_grad(), loss.backward(), optimizer.step()
        quantizer.update_(generator)

`out.indices` are the codes, one grid a codebook. Codes that start from data do so in the first batch. With learning="gradient" and
revival, call `quantizer.clear_moments_(optimizer)` after `update_`. For validation call `quantizer.eval()`.

A run of the app or of `python -m vqcore train`: its codes, an edit, what that decodes to, and how often each code is used:

    from vqcore.analysis.load import load_model
    from vqcore.runs.folder import RunFolder
    from vqcore.training.evaluation import to_model

    run = load_model(RunFolder(path))
    (codes,) = run.model.indices(to_model(torch.from_numpy(run.dataset.x[:64])))
    codes[:, 0, 0] = 5
    pictures = run.model.decode_indices((codes,))
    hits = codes.flatten().bincount(minlength=run.config.books()[0].K)

Everything else: `python -m vqcore --help`, and README.md.
"""
