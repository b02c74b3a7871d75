"""The book's own model, opened by the libraries that others use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nand2llm import pretrain

torch = pytest.importorskip("torch", reason="needs PyTorch")
transformers = pytest.importorskip("transformers", reason="needs transformers")
tokenizers = pytest.importorskip("tokenizers", reason="needs tokenizers")

FOLDER = Path(__file__).resolve().parents[2] / "book/data/tinygpt"


def test_the_same_logits_and_the_same_tokens() -> None:
    """On the whole exam: ids equal, logits to the fifth digit."""
    model, tokenizer = pretrain.tinygpt()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        FOLDER, dtype=torch.float32
    ).eval()
    cut = tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    for text in pretrain.texts("judge"):
        ids = tokenizer.encode(text)
        assert cut.encode(text).ids == ids
        with torch.no_grad():
            want = theirs(torch.tensor([ids[:128]])).logits.numpy()
        got = model([ids[:128]]).numpy()
        np.testing.assert_allclose(got, want, atol=5e-5)
