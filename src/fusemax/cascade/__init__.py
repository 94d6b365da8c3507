"""The words: grammar, IR, parser, printer, legality rules, sizes."""

from fusemax.cascade.ir import Cascade
from fusemax.cascade.load import catalogue, load
from fusemax.cascade.parse import parse
from fusemax.cascade.print import print_cascade
from fusemax.cascade.rules import check_rules

__all__ = ["Cascade", "catalogue", "check_rules", "load", "parse", "print_cascade"]
