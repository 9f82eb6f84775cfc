"""Arithmetic of sizes as text. PyTorch evaluates such text from `.pt2` files as Python, so it is checked first."""

import ast
import re

_LONGEST = 20_000  # characters
_LARGEST_POWER = 8
_MOST_DIGITS = 100
_SYMBOL = re.compile(r"z?[a-z]{1,4}\d{1,6}")  # as PyTorch names free sizes: s0, s77, u3, zf1
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.UAdd, ast.Not, ast.And, ast.Or)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_ASSUMPTIONS = ("integer", "positive", "nonnegative", "negative", "nonpositive", "real", "finite", "evaluate")
_FUNCTIONS = frozenset(
    "Symbol Integer Float Rational Add Mul Mod Max Min Abs And Or Not Eq Ne Lt Le Gt Ge Equality Unequality "
    "StrictLessThan LessThan StrictGreaterThan GreaterThan Piecewise ExprCondPair Tuple FloorDiv ModularIndexing Where "
    "PythonMod CleanDiv CeilDiv CeilToInt FloorToInt FloatTrueDiv IntTrueDiv TruncToFloat TruncToInt RoundToInt "
    "ToFloat Identity IsNonOverlappingAndDenseIndicator floor ceiling max min abs int float".split()
)
_QUALIFIED = frozenset(f"torch.sym_{name}" for name in "max min not float int ite sqrt".split()) | frozenset(
    f"math.{name}" for name in "floor ceil trunc sqrt".split()
)
_POWERS = ("Pow", "PowByNatural", "FloatPow")
_CONSTANTS = ("true", "false", "nan", "inf", "int_oo", "oo")
_METHODS = ("size", "stride", "storage_offset")


def safe_expression(text: str) -> str:
    """The same expression, written anew from its parsed form, if it only computes sizes.

    Allowed are numbers, free sizes (`s0`), arithmetic, comparisons, the functions that PyTorch uses for sizes, and the
    sizes of an input (`L['images'].size()[2]`).

    Raises:
        ValueError: The text contains anything else.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError
        tree = ast.parse(text.strip(), mode="eval")
        _check(tree.body)
        return ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text[:80]!r} is not arithmetic of sizes") from None


def _check(node: ast.AST) -> None:
    allowed = False
    children: list[ast.AST] = []
    match node:
        case ast.Constant(value=bool() | float()):
            allowed = True
        case ast.Constant(value=int(value)):
            allowed = abs(value) < 2**63
        case ast.Name(id=name):
            allowed = name in _CONSTANTS or _SYMBOL.fullmatch(name) is not None
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(power))):
            allowed, children = 0 <= power <= _LARGEST_POWER and not _is_number(left), [left]
        case ast.BinOp(left=left, op=operator, right=right):
            allowed, children = isinstance(operator, _OPERATORS), [left, right]
        case ast.UnaryOp(op=operator, operand=operand):
            allowed, children = isinstance(operator, _OPERATORS), [operand]
        case ast.BoolOp(values=values):
            allowed, children = True, list(values)
        case ast.Compare(left=left, ops=operators, comparators=others):
            allowed, children = all(isinstance(op, _COMPARISONS) for op in operators), [left, *others]
        case ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str(name))], keywords=keywords):
            allowed = _SYMBOL.fullmatch(name) is not None and _are_assumptions(keywords)
        case ast.Call(func=ast.Name(id="Float"), args=[ast.Constant(value=str(number))], keywords=keywords):
            allowed = re.fullmatch(r"-?[\d.e+\-]{1,40}", number) is not None and all(
                keyword.arg in ("precision", "prec") and _is_small(keyword.value, _MOST_DIGITS) for keyword in keywords
            )
        case ast.Call(func=ast.Name(id=name), args=[base, exponent], keywords=[]) if name in _POWERS:
            allowed, children = _is_small(exponent) and not _is_number(base), [base, exponent]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            allowed, children = name in _FUNCTIONS and _are_assumptions(keywords), list(arguments)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name), args=arguments, keywords=[]):
            allowed, children = f"{module}.{name}" in _QUALIFIED, list(arguments)
        case ast.Subscript(
            value=ast.Call(func=ast.Attribute(value=tensor, attr=method), args=[], keywords=[]),
            slice=ast.Constant(value=int()),
        ):
            allowed = method in _METHODS and _is_input(tensor)
        case ast.Tuple(elts=elements):
            allowed, children = True, list(elements)
    if not allowed:
        raise ValueError(ast.dump(node)[:80])
    for child in children:
        _check(child)


def _is_input(node: ast.AST) -> bool:
    """Whether a node is `L['name']` or a part of it: `L['flat_args'][0]`."""
    while isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not (isinstance(key, int) or (isinstance(key, str) and key.isidentifier())):
            return False
        node = node.value
    return isinstance(node, ast.Name) and node.id == "L"


def _are_assumptions(keywords: list[ast.keyword]) -> bool:
    return all(
        keyword.arg in _ASSUMPTIONS
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, bool)
        for keyword in keywords
    )


def _is_number(node: ast.AST) -> bool:
    """Whether a node contains no free size: powers of plain numbers can be too large to compute."""
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return not any(name in ("Symbol", "L") or _SYMBOL.fullmatch(name) for name in names)


def _is_small(node: ast.AST, limit: int = _LARGEST_POWER) -> bool:
    numbers = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return len(numbers) == 1 and all(isinstance(n, int | float) and abs(n) <= limit for n in numbers)
