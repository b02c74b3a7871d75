# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. b303f568bff7
"""Our weights under the names of `transformers`, and back.

A folder holds config.json and model.safetensors, as the library's
`save_pretrained` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

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
    {
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
    },
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

SINCE_LLAMA = SAME | {
    "context": "max_position_embeddings",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_kv_head": "num_key_value_heads",
    "width": "hidden_size",
    "hidden": "intermediate_size",
    "eps": "rms_norm_eps",
}
STREAM = {
    "tokens": "model.embed_tokens",
    "norm": "model.norm",
    "head": "lm_head",
}
ATTENTION = {
    "attention.qkv": tuple(f"self_attn.{x}_proj" for x in "qkv"),
    "attention.out": ("self_attn.o_proj",),
}
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
    asdict(gpt2(1, **LLAMA_DESIGN, tied=False)),
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


FREE = {"dropout", "rope_theta", "start", "window_pattern"}


def layout_of(config: GPTConfig) -> Layout:
    """The layout that fits; ValueError if none does."""
    ours, differs = asdict(shortest(config)), {}
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


def shortest(config: GPTConfig) -> GPTConfig:
    """The same, without what is said by leaving it out."""
    c = config
    hidden = None if c.inner == 4 * c.width else c.inner
    groups = None if c.groups == c.n_head else c.groups
    return replace(c, hidden=hidden, n_kv_head=groups)


# Theirs have numbers by default; a padding token would never learn.
UNSET = ("bos_token_id", "eos_token_id", "pad_token_id")


def to_config(config: GPTConfig) -> dict[str, Any]:
    """What `transformers` calls the configuration of this model."""
    layout = layout_of(config)
    sizes = {"hidden": config.inner, "n_kv_head": config.groups}
    ours = asdict(config) | sizes
    found: dict[str, Any] = {
        "architectures": [layout.architecture],
        "model_type": layout.model_type,
        **{theirs: ours[x] for x, theirs in layout.settings.items()},
        **layout.said,
        **dict.fromkeys(UNSET),
    }
    if config.positions == "rotary":
        found["rope_parameters"] = {
            "rope_type": "default",
            "rope_theta": config.rope_theta,
        }
    return found


OPTIONAL = {"tied", "n_kv_head", "hidden", "softcap"}


def from_config(found: Mapping[str, Any]) -> GPTConfig:
    """The same the other way; ValueError for what we can't be."""
    name = (found.get("architectures") or ["nameless model"])[0]
    if name not in LAYOUTS:
        raise ValueError(f"a {name}; there are {', '.join(LAYOUTS)}")
    layout, ours = LAYOUTS[name], dict(LAYOUTS[name].fixed)
    for mine, theirs in layout.settings.items():
        if theirs in found:
            ours[mine] = found[theirs]
        elif mine not in OPTIONAL:
            raise ValueError(f"{name}: {theirs} is missing")
    if ours["tied"]:
        ours["start"] = "gpt2"  # no file says how a model began
    if layout.fixed["positions"] == "rotary":
        ours["rope_theta"] = rope_theta(found)
    config = GPTConfig(**ours)
    said = {**layout.said, "head_dim": config.head_width}
    for setting, value in said.items():
        if found.get(setting, value) not in (value, None):
            raise ValueError(
                f"{name}: {setting} is {found[setting]!r}, "
                f"ours {value!r}"
            )
    return shortest(config)


def rope_theta(found: Mapping[str, Any]) -> float:
    """The base of the angles, where older or newer files have it."""
    rope = found.get("rope_parameters") or found.get("rope_scaling")
    rope = rope or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ValueError(f"rope_type is {kind!r}, ours 'default'")
    default = found.get("rope_theta", GPTConfig.rope_theta)
    return float(rope.get("rope_theta", default))


class Part(NamedTuple):
    """Where one of their arrays stands among ours."""

    theirs: str
    ours: str
    rows: slice  # of our parameter's first axis
    turned: bool  # whether they keep it transposed


def parts(model: GPT) -> Iterator[Part]:
    """All arrays of a model under its layout's names."""
    c, layout = model.config, layout_of(model.config)
    kv = c.groups * c.head_width
    for name, p in model.named_parameters():
        module, kind = name.rsplit(".", 1)
        if module.startswith("blocks."):
            _, i, inside = module.split(".", 2)
            home = f"{layout.blocks}.{i}."
            there = [home + x for x in layout.inner[inside]]
            turned = layout.transposed and p.ndim == 2
        else:
            there, turned = [layout.outer[module]], False
        n, sizes = len(there), [len(p) // len(there)] * len(there)
        if n == 3:  # queries, keys and values
            sizes = [c.width, kv, kv]
        end = 0
        for other, size in zip(there, sizes, strict=True):
            rows, end = slice(end, end + size), end + size
            yield Part(f"{other}.{kind}", name, rows, turned)


def to_state(model: GPT) -> dict[str, Any]:
    """All weights as `transformers` names them, NumPy arrays."""
    ours, theirs = model.state_dict(), {}
    for part in parts(model):
        array = ours[part.ours][part.rows]
        array = array.T if part.turned else array
        theirs[part.theirs] = np.ascontiguousarray(array)
    return theirs


def load_state(model: GPT, theirs: Mapping[str, Any]) -> None:
    """Overwrite a model's weights, all or none.

    KeyError and ValueError name what's missing, left or misshapen.
    """
    check_names(model, theirs)
    ours = model.state_dict()
    for part in parts(model):
        array = np.asarray(theirs[part.theirs])
        room = ours[part.ours][part.rows]
        room = room.T if part.turned else room
        if array.shape != room.shape:
            raise ValueError(
                f"{part.theirs} is {array.shape}; "
                f"this model has {room.shape}"
            )
        room[...] = array
    model.load_state_dict(ours)


def check_names(model: GPT, theirs: Mapping[str, Any]) -> None:
    """KeyError unless these are the weights of such a model."""
    wanted = {part.theirs for part in parts(model)}
    if missing := wanted - theirs.keys():
        raise KeyError(f"missing weights: {', '.join(sorted(missing))}")
    head = layout_of(model.config).outer["head"]
    copy = {f"{head}.weight"} if model.config.tied else set()
    if spare := theirs.keys() - wanted - copy:
        raise KeyError(f"unknown weights: {', '.join(sorted(spare))}")


def save(model: GPT, folder: str | Path) -> None:
    """Write config.json and model.safetensors, which replaces both."""
    files, folder = safetensors(), Path(folder)
    text = json.dumps(to_config(model.config), indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(text, "utf-8")
    weights = folder / "model.safetensors"
    files.numpy.save_file(to_state(model), weights, {"format": "pt"})


def load(folder: str | Path) -> GPT:
    """The model of a folder, ours or one that `transformers` wrote."""
    files, folder = safetensors(), Path(folder)
    at = folder / "config.json"
    try:
        model = GPT(
            from_config(json.loads(at.read_text("utf-8"))),
            np.random.default_rng(0),
        )
        at = folder / "model.safetensors"
        load_state(model, files.numpy.load_file(at))
    except (
        *(KeyError, TypeError, ValueError, AttributeError),
        files.SafetensorError,
    ) as error:
        words = error.args[0] if error.args else error
        raise ValueError(f"{at}: {words}") from error
    return model


def safetensors() -> Any:
    """The library; ImportError, with the way out, if it's missing."""
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "models' files need safetensors; "
            "say: pip install 'nand2llm[weights]'"
        ) from None
    return safetensors
