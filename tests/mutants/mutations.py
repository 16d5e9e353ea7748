"""The small changes that a module's tests should notice. Pure: a syntax tree in, mutants out; runs nothing.

Made for code that is rules and tables: a boundary moves; a clause, a member, a keyword, a bound or a statement is left
out; a condition always or never holds; a number is one more; another member of the enum stands there. Wording (texts
with a blank in them), annotations, decorators and docstrings are left alone. A mutant is named by where it is and what
it does, without line numbers, so that a list of names outlives edits elsewhere in the module.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

_TURNED: dict[type[ast.AST], ast.AST] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.FloorDiv(),
    ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(),
    ast.Mod: ast.Mult(),
    ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(),
    ast.BitAnd: ast.BitOr(),
    ast.BitOr: ast.BitAnd(),
    ast.BitXor: ast.BitOr(),
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_UNTOUCHED = ("annotation", "returns", "decorator_list", "bases")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `new` in place of `old`, which is a node of the tree that it was found in."""

    name: str  #: where, and what it does; unique in the module
    old: ast.AST
    new: ast.AST


def mutants(tree: ast.Module) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    kin: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if (owner := _owner(node)) and node.attr not in kin.setdefault(owner, []):
            kin[owner].append(node.attr)
    seen: Counter[str] = Counter()
    found = []
    for mutant in _below(tree, "", kin):
        seen[mutant.name] += 1
        number = f" ({seen[mutant.name]})" if seen[mutant.name] > 1 else ""
        found.append(replace(mutant, name=mutant.name + number))
    return found


def applied(tree: ast.Module, mutant: Mutant) -> ast.Module:
    """A copy of the tree with this one change."""
    changed: ast.Module = copy.deepcopy(tree, {id(mutant.old): ast.copy_location(mutant.new, mutant.old)})
    return ast.fix_missing_locations(changed)


def _below(parent: ast.AST, where: str, kin: dict[str, list[str]]) -> Iterator[Mutant]:
    """The mutants of what a node holds, and of what that holds."""
    for field, value in ast.iter_fields(parent):
        if field in _UNTOUCHED:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _silent(child):
                continue
            place = _place(child, where)
            for label, new in _changes(child, parent, field, kin):
                yield Mutant(f"{place or 'module'}: {label}", child, new)
            yield from _below(child, place, kin)


def _silent(node: ast.AST) -> bool:
    """Docstrings, what is for types or for the eye alone, and texts in which people read words."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Assign(value=ast.Subscript(value=ast.Name("Callable"))):
            return True
        case ast.Constant(value=str(text)):
            return " " in text
        case ast.JoinedStr(values=values):
            return any(isinstance(part, ast.Constant) and " " in part.value for part in values) and not any(
                isinstance(inner, (ast.Compare, ast.IfExp, ast.BinOp)) for part in values for inner in ast.walk(part)
            )
    return False


def _place(node: ast.AST, where: str) -> str:
    """The qualified name of the function, class or constant that a node is in."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return f"{where}.{name}()".removeprefix(".")
        case ast.ClassDef(name=name):
            return f"{where}.{name}".removeprefix(".")
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if "()" not in where:
            return f"{where}.{name}".removeprefix(".")
    return where


def _owner(node: Any) -> str:
    """The enum, or what looks like one, whose member this is; or ""."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr=attr, ctx=ast.Load()) if attr.isupper():
            return owner
    return ""


def _changes(node: Any, parent: ast.AST, field: str, kin: dict[str, list[str]]) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in place of a node, each with what that is called."""
    if field in ("test", "ifs", "guard"):
        for word in (True, False):
            if not (word and isinstance(parent, ast.While)):  # that would only be waited for
                yield _swap(node, ast.Constant(word))
    if field in ("body", "orelse", "finalbody") and (shorter := _left_out(node)):
        yield f"without `{_text(node)}`", shorter
    for part in _DROPPED.get(type(node), ()):
        whole = getattr(node, part)
        if len(whole) > (part == "cases") and not _tied(node, parent, field):
            for n, gone in enumerate(whole):
                rest = {part: whole[:n] + whole[n + 1 :]}
                if isinstance(node, ast.Dict):
                    rest["keys"] = node.keys[:n] + node.keys[n + 1 :]
                    gone = node.keys[n] or gone
                new = _but(node, **rest)
                only = rest[part][0] if isinstance(node, (ast.BoolOp, ast.MatchOr)) and len(whole) == 2 else new
                yield f"without `{_text(gone)}`", only
    match node:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                yield _swap(node, _but(node, ops=[*ops[:n], _TURNED[type(op)], *ops[n + 1 :]]))
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _TURNED:
            yield _swap(node, _but(node, op=_TURNED[type(op)]))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield _swap(node, operand)
        case ast.Constant(value=bool(value)):
            yield _swap(node, ast.Constant(not value))
        case ast.Constant(value=int(value) | float(value)):
            yield _swap(node, ast.Constant(value + 1))
        case ast.Constant(value=str(value)):
            yield _swap(node, ast.Constant("x" + value))
        case ast.Constant(value=bytes(value)):
            yield _swap(node, ast.Constant(b"x" + value))
        case ast.Name(id=name, ctx=ast.Load()) if name in _TWINS and field == "func":
            yield _swap(node, _but(node, id=_TWINS[name]))
        case ast.Attribute(attr=attr) if len(others := kin.get(_owner(node), [])) > 1:
            yield _swap(node, _but(node, attr=others[(others.index(attr) + 1) % len(others)]))
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield _swap(node, _but(node, lower=None))
            if upper is not None:
                yield _swap(node, _but(node, upper=None))


#: What may be left out of a node, one at a time.
_DROPPED: dict[type[ast.AST], tuple[str, ...]] = {
    ast.BoolOp: ("values",),
    ast.Set: ("elts",),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Dict: ("values",),
    ast.Call: ("keywords",),
    ast.Match: ("cases",),
    ast.MatchOr: ("patterns",),
}


def _tied(node: Any, parent: ast.AST, field: str) -> bool:
    """Whether it is unpacked, subscribed with or given back: with a member less it would only break."""
    if not isinstance(node, (ast.Tuple, ast.List)):
        return False
    return not isinstance(node.ctx, ast.Load) or field == "slice" or isinstance(parent, ast.Return)


def _left_out(statement: ast.AST) -> ast.AST | None:
    """What stands there when a statement is not made, or None where its absence could only be a NameError."""
    match statement:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise() | ast.AugAssign() | ast.Delete():
            return ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            return ast.Pass()
        case ast.Return(value=None) | ast.Break() | ast.Continue():
            return ast.Pass()
        case ast.Return(value=value) if not isinstance(value, (ast.Constant, ast.Compare, ast.BoolOp)):
            return ast.Return(ast.Constant(None))
    return None


def _but(node: Any, **fields: Any) -> Any:
    """A copy of a node, its children shared, with other fields."""
    new = copy.copy(node)
    for field, value in fields.items():
        setattr(new, field, value)
    return new


def _swap(old: ast.AST, new: ast.AST) -> tuple[str, ast.AST]:
    return f"`{_text(old)}` -> `{_text(new)}`", new


def _text(node: ast.AST) -> str:
    """A node as text, short enough for a name."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-25:]}"
