"""Legality as a list of named rules, run after parsing and after every transform."""

from __future__ import annotations

from itertools import islice

from fusemax.base.errors import SourceError
from fusemax.cascade.ir import Cascade
from fusemax.cascade.located import raise_located
from fusemax.cascade.rules import header, indices, names, reductions, sections
from fusemax.cascade.rules.rule import Rule
from fusemax.cascade.rules.scope import Scope

__all__ = ["RULES", "Rule", "broken_rules", "check_rules"]

RULES: tuple[Rule, ...] = (
    Rule("has-input", "A cascade has an input.", header.has_input),
    Rule("declared-once", "Tensors, parameters, sizes and aliases are declared once.", header.declared_once),
    Rule("one-partition", "A rank is in at most one partition.", header.one_partition),
    Rule("alias-target", "An alias names a declared rank that is no alias itself.", header.alias_targets),
    Rule("equal-ranks", "'equal' joins two declared, distinct ranks.", header.equal_ranks),
    Rule("sizes-positive", "A size is at least 1.", header.sizes_positive),
    Rule("sizes-free", "A derived rank has no entry in 'sizes'.", header.sizes_free),
    Rule("sizes-agree", "Default sizes divide along partitions and agree along 'equal'.", header.sizes_agree),
    Rule("claims", "'expect' counts are arithmetic of declared ranks.", header.claims),
    Rule("known-variables", "Every rank variable walks a declared rank.", names.known_variables),
    Rule("known-names", "Every capitalised name is a tensor, a rank or a parameter.", names.known_names),
    Rule("written-before-read", "A tensor is read after a statement that writes it.", names.written_before_read),
    Rule("outputs-written", "Every output is written.", names.outputs_written),
    Rule("inputs-read-only", "No input is written.", names.inputs_read_only),
    Rule("written-once", "No two statements have the same left side.", names.written_once),
    Rule("one-meaning", "Ranks, scalars and parameters have different names.", names.one_meaning),
    Rule("index-counts", "A tensor has the same number of indices everywhere.", indices.index_counts),
    Rule("index-ranks", "A plain index is of its position's rank.", indices.index_ranks),
    Rule("index-form", "An index is arithmetic; on the left it reads no tensor.", indices.index_form),
    Rule(
        "reduced-variables", "A reduced variable is on the right only, and reduced once.", reductions.reduced_variables
    ),
    Rule("selections", "topk is a statement's only reduction and keeps one variable.", reductions.selections),
    Rule("filters", "A filter mentions a reduced variable of the one reduction.", reductions.filters),
    Rule("section-order", "'init', then iterations and 'then'.", sections.section_order),
    Rule("until-rank", "An iteration runs until its own variable's rank.", sections.until_rank),
    Rule("iteration-variable", "Left sides in an iteration use its variable.", sections.iteration_variable),
)
"""Every static rule of the language, in the order of docs/reference/language.md."""


MOST_ERRORS = 50
"""No more errors are collected: a text can be made to hold a million."""


def broken_rules(cascade: Cascade) -> list[tuple[Rule, SourceError]]:
    """Each broken rule with its located error, in line order, the first of them; empty when the cascade is legal."""
    scope = Scope(cascade)
    found = [(rule, error) for rule in RULES for error in islice(rule.check(scope), MOST_ERRORS)]
    return sorted(found, key=lambda pair: (pair[1].line, pair[1].column))[:MOST_ERRORS]


def check_rules(cascade: Cascade) -> Cascade:
    """The cascade itself when every rule holds; raises `SourceError` or `SourceErrors` otherwise."""
    raise_located(error for _rule, error in broken_rules(cascade))
    return cascade
