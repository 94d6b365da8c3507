"""Model configurations as workloads: each family's names for the same shapes, from content alone."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusemax.base.errors import FusemaxError, SourceError
from fusemax.design.document import read_document
from fusemax.design.workload import Window, Workload, load_workload, read_workload

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rope_theta": 500000.0,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {"factor": 8.0},
    "use_cache": True,
}
MISTRAL = LLAMA | {"architectures": ["MistralForCausalLM"], "sliding_window": 4096, "rope_theta": 10000.0}
QWEN2 = {
    **LLAMA,
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "sliding_window": 131072,
    "use_sliding_window": False,
}
GPT2 = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_ctx": 1024,
    "n_embd": 768,
    "n_head": 12,
    "n_inner": None,
    "n_layer": 12,
    "n_positions": 1024,
    "vocab_size": 50257,
}
DEEPSEEK_V3 = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "hidden_act": "silu",
    "hidden_size": 7168,
    "rope_theta": 10000,
    "intermediate_size": 18432,
    "kv_lora_rank": 512,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_attention_heads": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 61,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 3,
}
BERT = {
    "architectures": ["BertForMaskedLM"],
    "hidden_act": "gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "position_embedding_type": "absolute",
}
VIT = BERT | {
    "architectures": ["ViTForImageClassification"],
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "patch_size": 16,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "image_size": 224,
}
T5 = {
    "architectures": ["T5ForConditionalGeneration"],
    "d_ff": 2048,
    "d_kv": 64,
    "d_model": 512,
    "num_heads": 8,
    "feed_forward_proj": "relu",
    "is_encoder_decoder": True,
    "num_layers": 6,
    "n_positions": 512,
}
XLM = {
    "architectures": ["XLMWithLMHeadModel"],
    "causal": False,
    "emb_dim": 2048,
    "gelu_activation": True,
    "n_heads": 16,
    "n_layers": 12,
    "is_encoder": True,
}
FALCON = {
    "architectures": ["FalconForCausalLM"],
    "hidden_size": 4544,
    "num_attention_heads": 71,
    "multi_query": True,
    "num_hidden_layers": 32,
    "new_decoder_architecture": False,
    "activation": "gelu",
    "num_kv_heads": 71,
}
MIXTRAL = LLAMA | {"num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": None}


def read(config: dict[str, Any]) -> Workload:
    return read_workload(read_document(json.dumps(config, indent=2), file="config.json"), "folder")


def shape(workload: Workload) -> tuple[object, ...]:
    w = workload
    heads = (w.heads, w.kv_heads, w.head_size, w.value_head_size)
    return (w.layers, w.model_width, *heads, w.ffn_width, w.ffn, w.mask)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LLAMA, (32, 4096, 32, 8, 128, 128, 14336, "swiglu", "causal")),
        (MISTRAL, (32, 4096, 32, 8, 128, 128, 14336, "swiglu", Window(window=4096))),
        (QWEN2, (28, 3584, 28, 4, 128, 128, 18944, "swiglu", "causal")),
        (GPT2, (12, 768, 12, 12, 64, 64, 3072, "gelu", "causal")),
        (DEEPSEEK_V3, (61, 7168, 128, 1, 576, 512, 18432, "swiglu", "causal")),
        (BERT, (12, 768, 12, 12, 64, 64, 3072, "gelu", "none")),
        (VIT, (24, 1024, 16, 16, 64, 64, 4096, "gelu", "none")),
        (T5, (6, 512, 8, 8, 64, 64, 2048, "relu", "none")),
        (XLM, (12, 2048, 16, 16, 128, 128, 8192, "gelu", "none")),
        (FALCON, (32, 4544, 71, 1, 64, 64, 18176, "gelu", "causal")),
        (MIXTRAL, (32, 4096, 32, 8, 128, 128, 28672, "swiglu", "causal")),
        ({"text_config": LLAMA, "vision_config": VIT}, (32, 4096, 32, 8, 128, 128, 14336, "swiglu", "causal")),
        (T5 | {"feed_forward_proj": "gated-gelu"}, (6, 512, 8, 8, 64, 64, 2048, "swiglu", "none")),
        (LLAMA | {"head_dim": 256}, (32, 4096, 32, 8, 256, 256, 14336, "swiglu", "causal")),
        (LLAMA | {"architectures": None}, (32, 4096, 32, 8, 128, 128, 14336, "swiglu", "causal")),
    ],
)
def test_shapes(config: dict[str, Any], expected: tuple[object, ...]) -> None:
    assert shape(read(config)) == expected


def test_sources_say_which_field_a_number_is_from() -> None:
    sources = read(DEEPSEEK_V3).sources
    assert sources["head_size"] == "kv_lora_rank and qk_rope_head_dim"
    assert sources["ffn_width"] == "moe_intermediate_size x the 9 experts of one token (num_experts_per_tok)"
    assert read(GPT2).sources["ffn_width"] == "4 x n_embd, as no width is given"


def test_shipped_shapes_agree_with_configurations() -> None:
    pairs = [("llama-3.1-8b", LLAMA), ("mistral-7b", MISTRAL), ("qwen2.5-7b", QWEN2), ("gpt-2", GPT2)]
    for name, config in [*pairs, ("deepseek-v3", DEEPSEEK_V3), ("vit-l", VIT)]:
        assert shape(load_workload(name)) == shape(read(config))


def test_name_and_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My-Model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA, indent="\t"))
    assert load_workload(folder).name == "my-model"
    assert load_workload(folder / "config.json").name == "my-model"
    (folder / "config.json").write_text(json.dumps(LLAMA | {"_name_or_path": "meta-llama/Llama-3.1-8B"}))
    assert load_workload(folder).name == "llama-3.1-8b"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**14) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from([LLAMA, MISTRAL, GPT2, DEEPSEEK_V3, T5, XLM, FALCON, MIXTRAL, {"text_config": LLAMA}]),
    st.data(),
)
def test_any_change_to_a_configuration_is_read_or_refused(config: dict[str, Any], data: st.DataObject) -> None:
    names = st.sampled_from(sorted({*config, "text_config", "num_key_value_heads", "head_dim", "v_head_dim", "causal"}))
    changes = data.draw(st.dictionaries(names, JSON, max_size=4))
    text = json.dumps(config | changes).replace("Infinity", "1e999").replace("NaN", "null")
    with contextlib.suppress(FusemaxError):
        read_workload(read_document(text, file="config.json"), "folder")


@pytest.mark.parametrize(
    ("change", "message", "line"),
    [
        ({"num_key_value_heads": 7}, "heads = 32 is not a multiple of kv_heads = 7", 11),
        ({"num_key_value_heads": -8}, "expected a size from 1 to 4294967296, found -8", 11),
        ({"hidden_size": "big"}, "expected a size from 1 to 4294967296, found 'big'", 7),
        ({"hidden_size": 4099}, "hidden_size = 4099 is not a multiple of num_attention_heads = 32", 9),
        ({"hidden_act": "tanh"}, "unknown activation 'tanh'", 6),
        ({"sliding_window": 0}, "expected a size from 1 to 4294967296, found 0", 18),
        ({"num_hidden_layers": None}, "this configuration has no number of layers", 1),
        ({"hidden_size": 10**15}, "expected a size from 1 to 4294967296", 7),
    ],
)
def test_bad_configurations_are_located(change: dict[str, Any], message: str, line: int) -> None:
    with pytest.raises(SourceError) as error:
        read(LLAMA | change)
    assert message in error.value.message
    assert error.value.line == line
