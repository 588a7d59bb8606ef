"""Fixtures for tests of language models; a test module takes them as pytest_plugins = ("fixtures_text",)."""

from pathlib import Path

import pytest
from tiny_models import save_gpt2, save_llama


@pytest.fixture(scope="session")
def cpu():
    """A session of the tiny profile, which writes nothing."""
    import torch

    from helpers.session import Session

    return Session("tiny", "cpu", torch.float32, seed=0, output_folder=Path("nowhere"), live=False)


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory) -> Path:
    return save_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def gpt2(gpt2_folder, cpu):
    """Tokenizer and model of the tiny random GPT-2."""
    from helpers import text

    return text.load(cpu, str(gpt2_folder))


@pytest.fixture(scope="session")
def llama(tmp_path_factory, cpu):
    """Tokenizer and model of the tiny random Llama."""
    from helpers import text

    return text.load(cpu, str(save_llama(tmp_path_factory.mktemp("llama"))))


@pytest.fixture(scope="session")
def shipped(cpu):
    """Tokenizer and model that the workbook ships."""
    from helpers import registry, text

    if not (registry.WEIGHTS / "text").is_dir():
        pytest.skip("smallworld/weights/text is not there; test_shipped_weights_are_there says so")
    return text.load(cpu)
