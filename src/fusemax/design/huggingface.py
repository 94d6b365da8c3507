"""Workload fields from a Hugging Face `config.json`.

Everything follows from which fields a configuration has and what they hold, not from the model's name: a quantity
goes by several names (`hidden_size`, `n_embd`, `d_model`), each listed once below. A configuration of several parts
(text and vision) gives its text part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fusemax.design.document import Document, Positions, Span, Where

__all__ = ["is_huggingface", "workload_fields"]

WIDTH = ("hidden_size", "n_embd", "d_model", "emb_dim", "dim", "embed_dim")
HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads", "decoder_attention_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
HEAD_SIZE = ("head_dim", "d_kv", "d_head", "kv_channels", "attention_head_size")
LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers", "decoder_layers")
FFN = ("intermediate_size", "n_inner", "d_ff", "ffn_dim", "d_inner", "ffn_hidden_size", "encoder_ffn_dim", "hidden_dim")
ACTIVATION = (
    "hidden_act",
    "hidden_activation",
    "activation_function",
    "feed_forward_proj",
    "activation",
    "dense_act_fn",
)
EXPERTS = ("num_experts_per_tok", "num_experts_per_token", "moe_topk")
DECODERS = ("ForCausalLM", "LMHeadModel")  # how the classes of decoder-only models end
LARGEST = 1 << 32
OURS = ("model_width", "head_size", "ffn_width")  # fields of a workload file that no configuration has


def is_huggingface(data: Any) -> bool:
    """Whether plain data is a model's configuration rather than a workload file."""
    if not isinstance(data, Mapping) or any(name in data for name in OURS):
        return False
    marks = {"model_type", "architectures", "transformers_version", *WIDTH, *HEADS}
    return any(name in data for name in marks - {"heads"}) or _text_part(data) is not None


@dataclass
class _Fields:
    """The workload's fields as they are found, each with its source and its place in the configuration."""

    config: Mapping[str, Any]
    part: Where
    document: Document
    found: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    places: dict[Where, Span] = field(default_factory=dict)

    def first(self, names: tuple[str, ...]) -> str | None:
        """The first of the names that the configuration gives a value."""
        return next((name for name in names if self.config.get(name) is not None), None)

    def put(self, name: str, value: Any, *used: str, source: str = "") -> None:
        """Set a workload field from configuration fields; a value that is not a number is left to validation."""
        self.found[name] = value
        self.sources[name] = source or " and ".join(used)
        if used:
            self.places[(name,)] = self.document.positions.span((*self.part, used[0]))

    def size(self, name: str) -> int:
        """A configuration field as a size; raises SourceError when it is not a whole number from 1 up."""
        value = self.config[name]
        if isinstance(value, list) and value and len(set(map(repr, value))) == 1:
            value = value[0]  # one number per layer, all alike
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            message = f"expected a size from 1 to {LARGEST}, found {value!r}"
            raise self.document.positions.error((*self.part, name), message)
        return value

    def require(self, names: tuple[str, ...], what: str) -> str:
        name = self.first(names)
        if name is None:
            message = f"this configuration has no {what}: expected one of {', '.join(names[:4])}"
            raise self.document.positions.error(self.part, message)
        return name


def workload_fields(document: Document, name: str) -> Document:
    """The configuration as the fields of a workload file, with places that point into the configuration.

    Raises SourceError for a quantity that is missing or is no size.
    """
    part = _text_part(document.data)
    where: Where = () if part is None or _has_shape(document.data) else (part,)
    config = document.data[where[0]] if where else document.data
    fields = _Fields(config, where, document)
    fields.put("name", _name(document.data, name), source="_name_or_path, or the file's name")
    fields.put("batch", 1, source="a configuration has none")
    layers = fields.require(LAYERS, "number of layers")
    fields.put("layers", fields.size(layers), layers)
    width = fields.require(WIDTH, "model width")
    fields.put("model_width", fields.size(width), width)
    heads = fields.require(HEADS, "number of heads")
    fields.put("heads", fields.size(heads), heads)
    _heads(fields, width, heads)
    _ffn(fields, width)
    _mask(fields)
    data = fields.found | {"sources": fields.sources}
    positions = document.positions
    values = {(): positions.span(where)} | fields.places
    return Document(data, Positions(positions.file, positions.lines, {}, values))


def _heads(fields: _Fields, width: str, heads: str) -> None:
    """Heads of K and V, and both head sizes."""
    if fields.first(("kv_lora_rank",)) and fields.first(("qk_rope_head_dim",)):
        # Latent attention, absorbed: scores are taken against the latent vector and the rotary part, which all heads
        # share, and the output is in the latent space (DeepSeek-V2, Sec. 2.1).
        latent, rotary = fields.size("kv_lora_rank"), fields.size("qk_rope_head_dim")
        fields.put("kv_heads", 1, "kv_lora_rank", source="one latent vector for all heads (kv_lora_rank)")
        fields.put("head_size", latent + rotary, "kv_lora_rank", "qk_rope_head_dim")
        fields.put("value_head_size", latent, "kv_lora_rank")
        return
    shared = fields.first(KV_HEADS)
    if fields.config.get("multi_query") is True and not fields.config.get("new_decoder_architecture"):
        fields.put("kv_heads", fields.size(shared) if shared == "multi_query_group_num" else 1, "multi_query")
    elif shared is not None:
        fields.put("kv_heads", fields.size(shared), shared)
    size = fields.first(HEAD_SIZE)
    if size is not None:
        fields.put("head_size", fields.size(size), size)
    elif fields.found["model_width"] % fields.found["heads"]:
        message = f"{width} = {fields.found['model_width']} is not a multiple of {heads} = {fields.found['heads']}"
        raise fields.document.positions.error((*fields.part, heads), message)
    else:
        fields.put(
            "head_size", fields.found["model_width"] // fields.found["heads"], heads, source=f"{width} / {heads}"
        )
    if fields.first(("v_head_dim",)):
        fields.put("value_head_size", fields.size("v_head_dim"), "v_head_dim")


def _ffn(fields: _Fields, width: str) -> None:
    """Width and kind of the feed-forward layer; of experts, those one token uses."""
    used = fields.first(EXPERTS)
    expert = fields.first(("moe_intermediate_size", *FFN))
    if used is not None and expert is not None:
        shared = fields.first(("n_shared_experts", "num_shared_experts"))
        count = fields.size(used) + (fields.size(shared) if shared and fields.config[shared] != 0 else 0)
        total = count * fields.size(expert)
        if fields.config.get("shared_expert_intermediate_size"):
            total += fields.size("shared_expert_intermediate_size")
        fields.put("ffn_width", total, expert, source=f"{expert} x the {count} experts of one token ({used})")
    elif expert is not None:
        fields.put("ffn_width", fields.size(expert), expert)
    else:
        fields.put("ffn_width", 4 * fields.found["model_width"], width, source=f"4 x {width}, as no width is given")
    name = fields.first(ACTIVATION)
    if name is None and isinstance(fields.config.get("gelu_activation"), bool):
        kind = "gelu" if fields.config["gelu_activation"] else "relu"
        fields.put("ffn", kind, "gelu_activation")
    elif name is not None:
        fields.put("ffn", _kind(fields, name), name)


def _kind(fields: _Fields, name: str) -> str:
    value = str(fields.config[name]).lower()
    if "silu" in value or "swish" in value or "glu" in value.replace("gelu", "") or value.startswith("gated"):
        return "swiglu"  # gated: three matrices, whichever function gates
    if "gelu" in value:
        return "gelu"
    if "relu" in value:
        return "relu"
    where = (*fields.part, name)
    raise fields.document.positions.error(where, f"unknown activation {value!r}: expected relu, gelu or silu")


def _mask(fields: _Fields) -> None:
    """None for encoders, causal for decoders, a window where the configuration switches one on."""
    config = fields.config
    if fields.first(("sliding_window",)) and config.get("use_sliding_window") is not False:
        fields.put("mask", {"window": fields.size("sliding_window")}, "sliding_window")
    elif isinstance(config.get("causal"), bool):
        fields.put("mask", "causal" if config["causal"] else "none", "causal")
    elif config.get("is_encoder_decoder") is True:
        fields.put("mask", "none", "is_encoder_decoder", source="the encoder of an encoder and decoder")
    elif _is_decoder(fields):
        known = fields.first(("architectures", "is_decoder", "rope_theta", "kv_lora_rank", "n_ctx"))
        fields.put("mask", "causal", *([known] if known else []), source="a decoder generates token by token")
    else:
        fields.put("mask", "none", source="no sign of a decoder")


def _is_decoder(fields: _Fields) -> bool:
    if isinstance(fields.config.get("is_decoder"), bool) and fields.config["is_decoder"]:
        return True
    classes = fields.config.get("architectures") or fields.document.data.get("architectures")
    if isinstance(classes, list) and classes:
        generates = (*DECODERS, "ForConditionalGeneration")
        return any(str(name).endswith(generates) for name in classes)
    return fields.first(("rope_theta", "kv_lora_rank", "n_ctx")) is not None


def _has_shape(data: Mapping[str, Any]) -> bool:
    return any(name in data for name in WIDTH)


def _text_part(data: Mapping[str, Any]) -> str | None:
    """The name of the part that describes the text model, of a configuration in parts."""
    names = ("text_config", "llm_config", "language_config")
    return next((name for name in names if isinstance(data.get(name), Mapping)), None)


def _name(data: Mapping[str, Any], name: str) -> str:
    given = data.get("_name_or_path")
    text = str(given).rstrip("/").rsplit("/", 1)[-1] if isinstance(given, str) else ""
    return (text or name).lower()[:100]
