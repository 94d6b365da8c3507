"""Selection: reading an element at a coordinate held in a tensor is a masked sum over the rank."""

from __future__ import annotations

from dataclasses import replace

from fusemax.cascade.ir import Access, Binary, Call, Cascade, Einsum, Expr, Number, Variable, walk
from fusemax.cascade.print import print_expr
from fusemax.cascade.resolve import rewrite
from fusemax.derive.flat import with_statements
from fusemax.derive.laws.law import Aim, Law, Rewrite
from fusemax.derive.names import Names
from fusemax.derive.normal import simple_access
from fusemax.derive.roles import Roles, Unsupported, roles_of


def selected(roles: Roles, einsum: Einsum) -> Cascade | None:
    """The cascade with the gathers of one statement along the rank made early or streamed; None without any."""
    names = Names(roles.cascade)
    added: dict[str, tuple[Einsum, Access]] = {}
    for node in walk(einsum.right):
        if isinstance(node, Access) and _is_gather(roles, node) and print_expr(node) not in added:
            statement = _selection(roles, node, names)
            if statement is not None:
                added[print_expr(node)] = statement
    if not added:
        return None

    def leaf(node: Expr) -> Expr:
        found = added.get(print_expr(node)) if isinstance(node, Access) else None
        return found[1] if found else node

    changed = replace(einsum, right=rewrite(einsum.right, leaf))
    return with_statements(roles.cascade, {einsum.tensor: [*(e for e, _ in added.values()), changed]})


def _positions(roles: Roles, access: Access) -> list[int]:
    statement = roles.statements.get(access.tensor)
    if statement is not None:
        variables = [i.name if isinstance(i, Variable) else "" for i in statement.left]
    else:
        variables = list(next(d.variables for d in roles.cascade.inputs if d.tensor == access.tensor))
    return [k for k, v in enumerate(variables) if v and roles.is_walker(v)]


def _is_gather(roles: Roles, access: Access) -> bool:
    if access.tensor not in roles.carries or any(i.filter for i in access.indices):
        return False
    for k in _positions(roles, access):
        index = access.indices[k].value
        if any(isinstance(n, Access) for n in walk(index)) and not roles.walkers(index):
            return True
    return False


def _selection(roles: Roles, access: Access, names: Names) -> tuple[Einsum, Access] | None:
    positions = _positions(roles, access)
    indices = [i.value for i in access.indices]
    place = positions[0]
    if len(positions) != 1 or roles.depends(indices[place]):
        return None
    variables = list(dict.fromkeys(n.name for n in walk(access) if isinstance(n, Variable)))
    left = tuple(Variable(v) for v in variables)
    name = names.tensor(f"{access.tensor}AT", f"{access.tensor}PICK")
    if access.tensor not in roles.statements:
        return Einsum(name, left, access), simple_access(name, *left)
    statement = roles.statements[access.tensor]
    walker = statement.left[place]
    if not isinstance(walker, Variable) or walker.name in variables:
        return None
    test = Binary("==", walker, Call("floor", (Call("abs", (indices[place],)),)))
    read = simple_access(access.tensor, *indices[:place], walker, *indices[place + 1 :])
    return Einsum(name, left, Call("where", (test, read, Number(0)))), simple_access(name, *left)


def _uses(cascade: Cascade, rank: str, _aim: Aim) -> list[Rewrite]:
    try:
        roles = roles_of(cascade, rank)
    except Unsupported:
        return []
    for einsum in cascade.einsums:
        if roles.needs[einsum.tensor]:
            new = selected(roles, einsum)
            if new is not None:
                return [Rewrite("select", new, (einsum.tensor,))]
    return []


LAW = Law(
    name="select",
    title="Selection: read the picked element while the rank goes by",
    rank="V",
    header=(
        "input W[d, v], X[d, t], LAB[t]\n"
        "output L[t]\n"
        "sizes D = 2, V = 5, T = 3"
    ),
    before=(
        "S[v, t] = W[d, v] * X[d, t]\n"
        "G[t] = S[v, t] :: max(v)\n"
        "L[t] = S[LAB[t], t] - G[t]"
    ),
    after=(
        "S[v, t] = W[d, v] * X[d, t]\n"
        "G[t] = S[v, t] :: max(v)\n"
        "SAT[t] = where(v == floor(abs(LAB[t])), S[v, t], 0)\n"
        "L[t] = SAT[t] - G[t]"
    ),
    precondition="the coordinate does not depend on a reduction over the rank",
    algebra="a sum with one term that is not 0",
    counterexample=(
        "with LAB = argmax over v of S the coordinate is known only after the fiber, and the element has to be kept "
        "or read again"
    ),
    uses=_uses,
)
