"""The code whose change shows nothing: rules, so that no line has to be named."""

from collections.abc import Callable

import libcst as cst

from mutate.operators import dotted, is_none

Parent = Callable[[cst.CSTNode], cst.CSTNode | None]

#: Loggers.  Their texts are for people.
LOGGERS = {"LOG", "WARNINGS"}
#: Arguments that people read, or that only a debugger shows.
SHOWN = {"description", "help", "name", "daemon"}
#: Calls whose arguments have names that are shown only.
SHOWN_BY = ("RuleDefault", "Thread", "Opt")
#: Calls that only describe types, or that tell SQLAlchemy how to keep objects in step.
WITHOUT_EFFECT = {"TypeVar", "ParamSpec", "NewType", "execution_options"}


def is_left_out(node: cst.CSTNode, parent: Parent) -> bool:
    """Return whether a node and all in it are left as they are."""
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom | cst.Assert):
        return True
    if isinstance(node, cst.Expr):
        # A docstring, or the body of a function of a protocol.
        if isinstance(node.value, cst.BaseString | cst.Ellipsis):
            return True
        return isinstance(node.value, cst.Call) and _is_log(node.value)
    if isinstance(node, cst.Call):
        return _is_log(node) or dotted(node.func) in WITHOUT_EFFECT
    if isinstance(node, cst.Arg):
        return _is_shown(node, parent(node))
    if isinstance(node, cst.Assign):
        return _is_alias(node)
    if isinstance(node, cst.If):
        return dotted(node.test) == "TYPE_CHECKING"
    if isinstance(node, cst.SimpleString) and _is_sentence(node.raw_value):
        return True
    return isinstance(node, cst.BaseString) and _is_of_error(node, parent)


def is_same(node: cst.CSTNode, changed: cst.CSTNode, parent: Parent) -> bool:
    """Return whether a changed node does the same as the node did."""
    if _is_unset(node, changed):
        return True
    if not (isinstance(node, cst.Call) and isinstance(changed, cst.Call)):
        return False
    if len(node.args) == len(changed.args) and any(map(_is_unset, node.args, changed.args)):
        return True
    gone = [one for one in node.args if not any(one is other for other in changed.args)]
    return any(is_left_out(arg, parent) or _is_message(arg, node, parent) for arg in gone)


def _is_unset(node: cst.CSTNode, changed: cst.CSTNode) -> bool:
    """Return whether ``False`` becomes ``None``.

    Code only asks whether such a value is true, and the type checker tells the two apart.
    """
    before = getattr(node, "value", None)
    is_false = isinstance(before, cst.Name) and before.value == "False"
    return is_false and is_none(getattr(changed, "value", None))


def _is_sentence(text: str) -> bool:
    """Return whether a text is for people: some words, of which the first is not SQL's."""
    first, *others = text.split() or [""]
    return len(others) >= 2 and not first.isupper()


def _is_log(call: cst.Call) -> bool:
    return dotted(call.func).partition(".")[0] in LOGGERS


def _is_shown(arg: cst.Arg, call: cst.CSTNode | None) -> bool:
    if not isinstance(call, cst.Call):
        return False
    name = dotted(call.func)
    if name.rpartition(".")[2] == "execution_options":
        return True
    if name in ("cast", "typing.cast"):
        return arg is call.args[0]
    keyword = arg.keyword.value if arg.keyword else ""
    if name == "zip" and keyword == "strict":
        # It only ends a program whose own lists have got different lengths.
        return True
    return keyword in SHOWN and name.endswith(SHOWN_BY)


def _is_alias(node: cst.Assign) -> bool:
    """Return whether a statement names a type: ``Image = dict[str, Any]``."""
    if isinstance(node.value, cst.Call):
        return dotted(node.value.func) in WITHOUT_EFFECT
    name = dotted(node.targets[0].target)
    return isinstance(node.value, cst.Subscript) and name[:1].isupper() and not name.isupper()


def _is_error(call: cst.CSTNode | None) -> bool:
    if not isinstance(call, cst.Call):
        return False
    first, _, _ = dotted(call.func).partition(".")
    return first in ("exception", "ksa_exc") or first.endswith("Error")


def _is_of_error(node: cst.CSTNode, parent: Parent) -> bool:
    """Return whether a text is a part of an error's message."""
    above = parent(node)
    while isinstance(above, cst.BaseString | cst.FormattedStringText | cst.Arg):
        above = parent(above)
    return _is_error(above)


def _is_message(arg: cst.Arg, call: cst.Call, parent: Parent) -> bool:
    return isinstance(arg.value, cst.BaseString) and _is_error(call)
