"""Walks a page as a visitor who touches everything, and tells what changed on disk."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import user_key_from_element_id
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1 import element_tree as tree

from emotion_core.paths import PROJECT

# What AppTest cannot drive. Charts hand a point to a callback; the camera sends frames.
NOT_DRIVEN = {
    "arrow_vega_lite_chart",
    "component_instance",
    "plotly_chart",
    "arrow_data_frame",
    "bidi_component",
}
_PER_KIND = 2  # of widgets that differ in a number or a run's name alone, such as one per face
_OPTIONS = 3  # of a choice
_MOST_STEPS = 400
_TEXTS = (str(PROJECT), "/etc/passwd", "words")
Action = Callable[[Any], object]


def disk(*roots: Path) -> dict[str, tuple[str, int]]:
    """Every file and folder below some roots, with its content's digest and its mode."""
    found = {}
    for root in roots:
        for path in [root, *root.rglob("*")]:
            if "__pycache__" in path.parts or ".git" in path.parts:
                continue
            try:
                content = path.read_bytes() if path.is_file() else b""
                found[str(path)] = (hashlib.sha256(content).hexdigest(), path.lstat().st_mode)
            except FileNotFoundError:
                continue
    return found


def walk(page: AppTest, look: Callable[[], Any], uploads: Mapping[str, bytes]) -> list[str]:
    """Act on every widget of the page that is open, also on those that an action brings up.

    Args:
        page: Opened on a page.
        look: What must stay the same, compared after each step.
        uploads: Content of an uploaded file, by the ending of its name.

    Returns:
        The steps that were taken, in words.

    Raises:
        AssertionError: a step changed what must stay the same, or raised in the page.
    """
    before, done, steps = look(), set(), []
    kinds: dict[str, set[str]] = {}
    while found := _next_step(page, done, kinds, uploads):
        words, node, act = found
        done.add(words)
        steps.append(words)
        act(node)
        page.run()
        assert not page.exception, f"after {words}: {page.exception[0].value}"
        assert look() == before, f"after {words}: {_difference(before, look())}"
        assert len(steps) < _MOST_STEPS, f"no end of widgets; the last: {steps[-5:]}"
    return steps


def widgets(page: AppTest) -> list[tree.Widget]:
    """The widgets that can be touched; a kind that is not known here is an error."""
    found = []
    for node in page._tree:
        if isinstance(node, tree.Widget):
            if not getattr(node.proto, "disabled", False):
                found.append(node)
        elif isinstance(node, tree.UnknownElement) and getattr(node.proto, "id", ""):
            assert node.type in NOT_DRIVEN, f"tests/walk.py does not know the widget {node.type}"
    return found


def _next_step(
    page: AppTest, done: set[str], kinds: dict[str, set[str]], uploads: Mapping[str, bytes]
) -> tuple[str, tree.Widget, Action] | None:
    """What was not done yet; what leads to another part of the page, or hides one, comes last."""
    found: list[tuple[int, str, Any, Action, set[str], str]] = []
    for node in page._tree:  # folded parts whose content is made when they are opened
        key = user_key_from_element_id(node._block_id) if isinstance(node, tree.Block) else None
        if (
            key
            and key in page.session_state
            and not page.session_state[key]
            and f"open {key}" not in done
        ):
            found.append((2, f"open {key}", node, _open(page, key), set(), key))
    for node in widgets(page):
        name = node.key or getattr(node.proto, "label", "") or node.type
        kind = f"{node.type} {re.sub(r'[0-9]+.*', '', name)}"
        seen = kinds.setdefault(kind, set())
        if name not in seen and len(seen) >= _PER_KIND:
            continue
        for rank, text, act in _actions(node, uploads):
            if (words := f"{node.type} {name}: {text}") not in done:
                found.append((rank, words, node, act, seen, name))
    if not found:
        return None
    _, words, node, act, seen, name = min(found, key=lambda step: step[0])
    seen.add(name)
    return words, node, act


def _actions(node: tree.Widget, uploads: Mapping[str, bytes]) -> list[tuple[int, str, Action]]:
    """Other values of a widget: when they come, in words, and as what sets them."""
    if isinstance(node, tree.Button | tree.DownloadButton):
        return [(0, "click", lambda node: node.click())]
    if isinstance(node, tree.Checkbox | tree.Toggle):
        return [(rank, str(on), _set(on)) for rank, on in ((2, True), (4, False))]
    if isinstance(node, tree.Selectbox):
        acts = [
            (3, option, lambda node, at=at: node.select_index(at))
            for at, option in enumerate(node.options[:_OPTIONS])
        ]
        more = node.proto.accept_new_options
        return acts + [(3, f"type {text}", type_option(text)) for text in _TEXTS if more]
    if isinstance(node, tree.Multiselect):
        return [(1, "some", _set(node.options[:2])), (1, "none", _set([]))]
    if isinstance(node, tree.ButtonGroup):
        return [(3, option, _choose(option)) for option in map(_shown, node.proto.options)]
    if isinstance(node, tree.Slider | tree.NumberInput):
        return [(1, str(value), _set(value)) for value in _ends(node)]
    if isinstance(node, tree.TextInput | tree.TextArea):
        return [(1, f"type {text}", _set(text)) for text in _TEXTS]
    if isinstance(node, tree.FileUploader):
        kinds = node.allowed_type
        fit = [end for end in sorted(uploads) if not kinds or f".{end}" in kinds]
        return [(1, f"upload {end}", _upload(end, uploads[end])) for end in fit]
    raise AssertionError(f"tests/walk.py does not know how to touch a {node.type}")


def _open(page: AppTest, key: str) -> Action:
    def act(node: Any) -> None:
        page.session_state[key] = True

    return act


def _set(value: Any) -> Action:
    return lambda node: node.set_value(value)


def _upload(end: str, content: bytes) -> Action:
    return lambda node: node.upload(f"a.{end}", content, "application/octet-stream")


def type_option(text: str) -> Action:
    class Typed(tree.Selectbox):
        @property
        def _widget_state(self) -> WidgetState:
            return WidgetState(id=self.id, string_value=text)

    def act(node: tree.Selectbox) -> None:
        node.__class__ = Typed

    return act


def _shown(option: Any) -> str:
    return f"{option.content_icon} {option.content}" if option.content_icon else option.content


def _choose(option: str) -> Action:
    class Chosen(tree.ButtonGroup):
        formatted_values = (option,)

    def act(node: tree.ButtonGroup) -> None:
        node.__class__ = Chosen

    return act


def _ends(node: Any) -> Sequence[Any]:
    if isinstance(node.value, tuple | list):
        return [(node.min, node.min), (node.min, node.max)]
    low = node.min if node.min is not None else node.value - 1
    high = node.max if node.max is not None else node.value + 1
    return [low, high]


def _difference(before: Any, after: Any) -> str:
    if not isinstance(before, dict):
        return f"{before} became {after}"
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return ", ".join(names[:10])
