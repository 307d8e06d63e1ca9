"""Conditions of DuckDB as conditions of ours, as far as they can be said: what remains is left to DuckDB and to Arrow.

Only terms joined by ``and`` at the top are taken, each on its own, so that leaving one out never loses a row.
"""

from __future__ import annotations

import re

from antdask.errors import UnknownNameError, UsageError, WhereError
from antdask.query.select import Selection

_MEMBERS = re.compile(
    r"if_else\(is_valid\(([\w.\[\]]+)\), is_in\(\1, \{value_set=\w+:\[([^\]]*)\], null_matching_behavior=\w+\}\), null\[bool\]\)"
)
_DETECTOR = re.compile(r'detector == "([^"\\]*)"')


def narrowed(selection: Selection, table: str, expression: str) -> Selection:
    """The selection cut by every term of an expression of Arrow, as text, that is understood.

    Parameters
    ----------
    table : str
        Whose flat rows the expression is about.
    """
    own = {f.name for f in selection.index.schema.table(table).fields} - {"run", *selection.index.schema.order}
    own = own if table != selection.index.schema.rows.name else set()
    for term in terms(expression):
        label = _DETECTOR.fullmatch(term)
        try:
            if label:
                selection = selection.select(detector=label[1])
            else:
                selection = selection.select(
                    where=re.sub(r"(?<![\w.])[A-Za-z_]\w*(?![\w.])", lambda m: f"{table}.{m[0]}" if m[0] in own else m[0], term)
                )
        except (WhereError, UnknownNameError, UsageError):
            continue
    return selection


def terms(expression: str) -> list[str]:
    """What ``and`` joins at the top, lists of values rewritten.

    Examples
    --------
    >>> terms("((n_hits > 240) and (q < 0.5))")
    ['n_hits > 240', 'q < 0.5']
    >>> terms("(((a >= 1) and (a <= 2)) or (a == 5))")
    ['((a >= 1) and (a <= 2)) or (a == 5)']
    """
    text = _MEMBERS.sub(lambda m: f"({m[1]} in ({', '.join(m[2].split(','))}))", " ".join(expression.split())).strip()
    if not text:
        return []
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1]
    depth, start, found = 0, 0, []
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(" and ", i):
            found.append(text[start:i])
            start = i + len(" and ")
        elif depth == 0 and text.startswith(" or ", i):
            return [text]
    found.append(text[start:])
    return [text] if len(found) == 1 else [term for one in found for term in terms(one)]


def _closing(text: str) -> int:
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return i
    return -1
