"""The documentation page of each law, written from its own words."""

from __future__ import annotations

from fusemax.derive.laws import LAWS, Law

FOLDER = "reference/laws"
_HOW = {
    "tile": "fusemax derive attn_3pass --rank M --tile M0=4",
    "defer": "fusemax derive attn_naive --rank M",
    "expand": "fusemax derive minmax_sum --rank M",
    "extreme": "fusemax derive quant_matmul_rmsnorm --rank K",
    "iterate": "fusemax derive c1_pedagogical --rank K --law iterate",
    "join": "fusemax derive attn_2pass_tileflow --rank M",
    "mask": "fusemax derive attn_causal_filter --rank M",
    "select": "fusemax derive cross_entropy_linear --rank V",
    "separate": "fusemax derive minimax_value --rank M --law separate",
    "unroll": "fusemax derive c3_prefix --rank K",
}


def law_page(law: Law) -> str:
    """One law: before, after, precondition, the algebra it needs, what goes wrong without."""
    text = [
        f"# {law.title}\n",
        "| | |\n|---|---|",
        f"| name | `{law.name}` |",
        f"| precondition | {law.precondition} |",
        f"| algebra | {law.algebra} |\n",
        f"Before, for rank {law.rank}:\n",
        f"```text\ncascade {law.name}_before\n{law.header}\n\n{law.before}\n```\n",
        "After:\n",
        f"```text\n{law.after}\n```\n",
        f"Without the precondition: {law.counterexample}.\n",
    ]
    if law.name in _HOW:
        text.append(f"See it work: `{_HOW[law.name]}`.\n")
    return "\n".join(text)


def index_page() -> str:
    """All laws in the order in which a derivation tries them."""
    rows = [f"| [{law.name}]({law.name}.md) | {law.title.partition(': ')[2]} | {law.algebra} |" for law in LAWS]
    return "\n".join(
        [
            "# Laws\n",
            "A derivation is a sequence of these rewrites. Each keeps the function wherever its precondition holds;",
            "the result of every step is checked on numbers all the same.\n",
            "| law | what it does | algebra it needs |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def pages() -> dict[str, str]:
    """Path below docs/ -> text."""
    found = {f"{FOLDER}/README.md": index_page()}
    return found | {f"{FOLDER}/{law.name}.md": law_page(law) for law in LAWS}
