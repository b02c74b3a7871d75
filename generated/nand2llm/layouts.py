# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 4108fae19a56
"""Our weights under the names of `transformers`, and back.

A folder holds config.json and model.safetensors, as the library's
`save_pretrained` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nand2llm.gpt import GPT, GPTConfig, gpt2, modern


@dataclass(frozen=True)
class Layout:
    """How a model of `transformers` is configured and stored.

    settings: our names of sizes and numbers, and theirs. fixed: what
    such a model is like, in our settings. said: the same in theirs.
    outer and inner: our modules and theirs, inner ones in each block;
    several where they keep apart what we keep one below the other.
    """

    architecture: str
    model_type: str
    settings: Mapping[str, str]
    fixed: Mapping[str, Any]
    said: Mapping[str, Any]
    blocks: str
    outer: Mapping[str, str]
    inner: Mapping[str, tuple[str, ...]]
    transposed: bool = False  # matrices of blocks stand as (in, out)


SAME = {"vocab_size": "vocab_size", "tied": "tie_word_embeddings"}
SINCE_LLAMA = SAME | {
    "context": "max_position_embeddings",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_kv_head": "num_key_value_heads",
    "width": "hidden_size",
    "hidden": "intermediate_size",
    "eps": "rms_norm_eps",
}
ATTENTION = {
    "attention.qkv": (
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
    ),
    "attention.out": ("self_attn.o_proj",),
}
STREAM = {
    "tokens": "model.embed_tokens",
    "norm": "model.norm",
    "head": "lm_head",
}

GPT2 = Layout(
    "GPT2LMHeadModel",
    "gpt2",
    SAME
    | {
        "context": "n_positions",
        "n_layer": "n_layer",
        "n_head": "n_head",
        "width": "n_embd",
        "hidden": "n_inner",
        "eps": "layer_norm_epsilon",
    },
    asdict(gpt2(1)),
    {"activation_function": "gelu_new"},
    "transformer.h",
    {
        "tokens": "transformer.wte",
        "places": "transformer.wpe",
        "norm": "transformer.ln_f",
        "head": "lm_head",
    },
    {
        "norm1": ("ln_1",),
        "attention.qkv": ("attn.c_attn",),
        "attention.out": ("attn.c_proj",),
        "norm2": ("ln_2",),
        "feed.up": ("mlp.c_fc",),
        "feed.down": ("mlp.c_proj",),
    },
    transposed=True,
)

LLAMA_DESIGN: dict[str, Any] = {
    "positions": "rotary",
    "norm": "rms",
    "feed": "swiglu",
    "bias": False,
}
LLAMA = Layout(
    "LlamaForCausalLM",
    "llama",
    SINCE_LLAMA,
    asdict(gpt2(1, **LLAMA_DESIGN)),
    {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    "model.layers",
    STREAM,
    ATTENTION
    | {
        "norm1": ("input_layernorm",),
        "norm2": ("post_attention_layernorm",),
        "feed.up": ("mlp.gate_proj", "mlp.up_proj"),
        "feed.down": ("mlp.down_proj",),
    },
)
NANOCHAT = Layout(
    "NanoChatForCausalLM",
    "nanochat",
    SINCE_LLAMA | {"softcap": "final_logit_softcapping"},
    asdict(modern(1)),
    {"hidden_act": "relu2", "attention_bias": False},
    "model.layers",
    STREAM,
    ATTENTION | {"feed.up": ("mlp.fc1",), "feed.down": ("mlp.fc2",)},
)
LAYOUTS = {x.architecture: x for x in (GPT2, LLAMA, NANOCHAT)}


FREE = {"dropout", "rope_theta", "start"}  # no matter of the layout
# Theirs have numbers by default; a padding token would never learn.
UNSET = ("bos_token_id", "eos_token_id", "pad_token_id")


def layout_of(config: GPTConfig) -> Layout:
    """The layout that fits; ValueError if none does."""
    ours, differs = asdict(config), {}
    for layout in LAYOUTS.values():
        free = FREE | layout.settings.keys()
        differs[layout.architecture] = [
            name
            for name, value in layout.fixed.items()
            if name not in free and ours[name] != value
        ]
        if not differs[layout.architecture]:
            return layout
    reasons = "; ".join(
        f"{name} has other {', '.join(d)}"
        for name, d in differs.items()
    )
    raise ValueError(f"no layout of transformers fits: {reasons}")


def to_config(config: GPTConfig) -> dict[str, Any]:
    """What `transformers` calls the configuration of this model."""
    layout, ours = layout_of(config), asdict(config)
    ours["hidden"] = config.hidden or 4 * config.width
    ours["n_kv_head"] = config.n_kv_head or config.n_head
    found: dict[str, Any] = {
        "architectures": [layout.architecture],
        "model_type": layout.model_type,
        **{there: ours[x] for x, there in layout.settings.items()},
        **layout.said,
        **dict.fromkeys(UNSET),
    }
    if config.positions == "rotary":
        found["rope_parameters"] = {
            "rope_type": "default",
            "rope_theta": config.rope_theta,
        }
    return found


def from_config(found: Mapping[str, Any]) -> GPTConfig:
    """The same the other way; ValueError for what we can't be."""
    name = (found.get("architectures") or ["none"])[0]
    if name not in LAYOUTS:
        raise ValueError(f"a {name}; there are {', '.join(LAYOUTS)}")
    layout = LAYOUTS[name]
    for setting, value in layout.said.items():
        if found.get(setting, value) != value:
            raise ValueError(
                f"{setting} is {found[setting]!r}, ours {value!r}"
            )
    ours = {
        mine: found[theirs]
        for mine, theirs in layout.settings.items()
        if theirs in found
    }
    rope = found.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise ValueError(
            f"rope_type {rope['rope_type']!r}; ours is 'default'"
        )
    theta = rope.get("rope_theta", layout.fixed["rope_theta"])
    return GPTConfig(**{**layout.fixed, **ours, "rope_theta": theta})


def names(model: GPT) -> Iterator[tuple[str, list[str], list[int]]]:
    """Our parameters, each with its names there, and their lengths.

    The lengths are along the first axis of ours.
    """
    layout = layout_of(model.config)
    for name, p in model.named_parameters():
        module, kind = name.rsplit(".", 1)
        if not module.startswith("blocks."):
            yield name, [f"{layout.outer[module]}.{kind}"], [len(p)]
            continue
        _, i, inside = module.split(".", 2)
        there = [
            f"{layout.blocks}.{i}.{theirs}.{kind}"
            for theirs in layout.inner[inside]
        ]
        sizes = [len(p) // len(there)] * len(there)
        if len(there) == 3:  # queries may be more than keys and values
            q, c = model.config.width, len(p)
            sizes = [q, (c - q) // 2, (c - q) // 2]
        yield name, there, sizes


def to_state(model: GPT) -> dict[str, Any]:
    """All weights as `transformers` names them, NumPy arrays."""
    ours, theirs = model.state_dict(), {}
    turned = layout_of(model.config).transposed
    for name, there, sizes in names(model):
        parts = np.split(ours[name], np.cumsum(sizes)[:-1])
        for other, part in zip(there, parts, strict=True):
            turn = turned and part.ndim == 2 and ".h." in other
            theirs[other] = np.ascontiguousarray(
                part.T if turn else part
            )
    return theirs


def load_state(model: GPT, theirs: Mapping[str, Any]) -> None:
    """Overwrite a model's weights; KeyError names what is missing."""
    turned, ours = layout_of(model.config).transposed, {}
    for name, there, _ in names(model):
        if missing := [other for other in there if other not in theirs]:
            raise KeyError(f"no {', '.join(missing)} among the weights")
        parts = [theirs[other] for other in there]
        if turned and parts[0].ndim == 2 and ".h." in there[0]:
            parts = [part.T for part in parts]
        ours[name] = np.concatenate(parts)
    model.load_state_dict(ours)


def save(model: GPT, folder: str | Path) -> None:
    """Write config.json and model.safetensors, which replaces both."""
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(to_config(model.config), indent=2) + "\n"
    (folder / "config.json").write_text(text, "utf-8")
    save_file(
        to_state(model), folder / "model.safetensors", {"format": "pt"}
    )


def load(folder: str | Path) -> GPT:
    """The model of a folder, ours or one that `transformers` wrote."""
    from safetensors.numpy import load_file

    folder = Path(folder)
    text = (folder / "config.json").read_text("utf-8")
    model = GPT(from_config(json.loads(text)), np.random.default_rng(0))
    load_state(model, load_file(folder / "model.safetensors"))
    return model
