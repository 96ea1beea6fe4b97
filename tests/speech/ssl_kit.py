"""Small self-supervised models, batches and weight files for the tests."""

import torch
from safetensors.torch import save_file

from affectzoo.labels.space import load_space
from affectzoo.speech.models.wav2vec2 import Wav2Vec2
from affectzoo.speech.ssl_encoder import SSLEncoder
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.zoo.factory import create_model

SPACE = load_space("ekman7+vad")
TINY = ("tiny_wav2vec2", "tiny_large", "tiny_wavlm")
LENGTHS = [9600, 5003, 1600]
SMALL = {"weights": "random", "hidden": 8}
LICENCES = dict.fromkeys(("code", "weights", "data"), "none: a test")
TRAINING = {"dataset": "none"}


def make_batch(lengths=LENGTHS, total=None) -> AffectBatch:
    """Noise with an offset, padded with large values that a leak would show."""
    total = total or max(lengths)
    data = torch.full((len(lengths), total), 50.0)
    mask = torch.arange(total) < torch.tensor(lengths)[:, None]
    for i, n in enumerate(lengths):
        data[i, :n] = 0.1 * torch.randn(n, generator=torch.Generator().manual_seed(i)) + 0.05 * i
    signal = BatchSignal(data, mask, 16000.0, torch.zeros(len(lengths)))
    return AffectBatch([str(i) for i in range(len(lengths))], {"audio": signal})


def make_model(encoder="tiny_wav2vec2", seed=0, **options) -> Wav2Vec2:
    torch.manual_seed(seed)
    return create_model("speech/wav2vec2", SPACE, encoder=encoder, **{**SMALL, **options})


def adapted(encoder="tiny_wav2vec2", **options) -> Wav2Vec2:
    """With adapters that have learned something: `up` is 0 in a new one."""
    model = make_model(encoder, **{"lora_rank": 2, "lora_on": "all", **options})
    for name, p in model.named_parameters():
        if name.endswith(".up"):
            torch.nn.init.normal_(p, std=0.1)
    return model


def trained_norm(encoder: SSLEncoder) -> SSLEncoder:
    """Norms as after training: weights that are not 1 and biases that are not 0."""
    for module in encoder.modules():
        if isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
            torch.nn.init.normal_(module.weight, 1, 0.3)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    return encoder.eval()


def encoder_file(path, kind="tiny_wav2vec2", names=lambda t: t, seed=5):
    torch.manual_seed(seed)
    tensors = SSLEncoder(kind, "random").model.state_dict()
    save_file({n: t.contiguous().clone() for n, t in names(tensors).items()}, path)
    return tensors
