"""The way through an autoencoder: what comes back, and things spoilt as latents."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from smallworld.judges.pictures import ANSWERS, FACTS, UNREADABLE
from smallworld.making import judge_data as data
from smallworld.making import reconstructions
from smallworld.world.drawing import draw, things_mask
from smallworld.world.scenes import sample_scene


class Coarse(torch.nn.Module):
    """In place of an autoencoder: latents are the picture's cells of four pixels, six times the same."""

    def __init__(self):
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(1))

    def encode(self, pixels):
        latents = functional.avg_pool2d(pixels, 4).repeat(1, 2, 1, 1)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))

    def decode(self, latents):
        return SimpleNamespace(sample=functional.interpolate(latents[:, :3], scale_factor=4))


@pytest.fixture(scope="module")
def scenes():
    rng = random.Random("through the autoencoder")
    return [sample_scene(rng, "train") for _ in range(40)]


@pytest.fixture(scope="module")
def pictures(scenes):
    return np.stack([np.asarray(draw(scene)) for scene in scenes])


def test_pictures_come_back_in_order_as_the_autoencoder_leaves_them(pictures):
    again = reconstructions.reconstruct(Coarse(), pictures, batch_size=7)
    cells = pictures.reshape(len(pictures), 16, 4, 16, 4, 3).astype(float).mean((2, 4))
    wanted = cells.repeat(4, axis=1).repeat(4, axis=2)
    assert again.dtype == np.uint8 and np.abs(again - wanted).max() <= 1
    assert len(reconstructions.reconstruct(Coarse(), pictures[:0])) == 0


def test_spoilt_latents_change_inside_the_mask_only():
    latents = torch.randn(12, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(12, 1, 16, 16)
    mask[:, :, 4:9, 5:12] = 1
    spoilt = reconstructions.spoil_latents(latents, mask, torch.Generator().manual_seed(1))
    inside = mask.expand_as(latents) > 0
    assert torch.equal(spoilt[~inside], latents[~inside])
    assert ((spoilt - latents).abs() * mask).flatten(1).sum(1).min() > 10
    again = reconstructions.spoil_latents(latents, mask, torch.Generator().manual_seed(1))
    assert torch.equal(again, spoilt)


def test_mixed_cells_are_the_same_cells_in_another_order():
    latents = torch.arange(8 * 256.0).view(8, 16, 16)
    mask = torch.zeros(1, 16, 16)
    mask[:, 2:6, 2:6] = 1
    mixed = reconstructions.mix_cells(latents, mask, torch.Generator().manual_seed(0))
    inside = mask[0] > 0
    assert torch.equal(mixed[:, ~inside], latents[:, ~inside])
    assert not torch.equal(mixed[:, inside], latents[:, inside])
    assert torch.equal(mixed[0, inside].sort().values, latents[0, inside])
    assert torch.equal(mixed[3, inside] - mixed[0, inside], latents[3, inside] - latents[0, inside])


def test_a_missing_autoencoder_is_told_in_a_line(tmp_path, capsys):
    assert reconstructions.load_autoencoder(tmp_path) is None
    said = capsys.readouterr().err
    assert said.startswith("There is no autoencoder in") and said.count("\n") == 1


def test_a_share_of_the_examples_is_spoilt_as_latents_and_a_share_only_sent_through(scenes, pictures):
    shares = data.Shares(light=0, strong=0, latent=0.3, reconstructed=0.4)
    examples = data.gather(scenes, [], shares, 1, 0, Coarse())
    plain = data.gather(scenes, [], shares, 1, 0, None)
    np.testing.assert_array_equal(plain.pictures, pictures)
    column = list(FACTS).index("thing")
    spoilt = (examples.labels[:, column] == ANSWERS["thing"].index(UNREADABLE)).numpy()
    changed = (examples.pictures != pictures).any((1, 2, 3))
    assert 4 <= spoilt.sum() <= 18 and changed[spoilt].all()
    assert 6 <= (changed & ~spoilt).sum() <= 26
    assert torch.equal(examples.labels[~spoilt], plain.labels[~spoilt])
    unsaid = [list(FACTS).index(name) for name in ("color", "count")]
    assert (examples.labels[spoilt][:, unsaid] == data.UNSAID).all()
    for number in np.flatnonzero(spoilt):
        assert data.may_be_spoilt(scenes[number]) and things_mask(scenes[number]).any()
