"""Which tools a model was offered: from the API field, or from the tool block of the prompt.

Clients of profile `vdr` get no tool field; who sits in for a model (oracle, seat) reads the block
as the model would.
"""

import json
from collections.abc import Sequence

from pydantic import ValidationError

from vision_deepresearch.core.content import Conversation, Role, ToolSpec
from vision_deepresearch.core.protocols import Profile


def is_answer_demanded(conversation: Conversation, *, profile: Profile) -> bool:
    """Whether the last words are the demand for a final answer: no call will be run."""
    demand = "".join(message.text for message in profile.demand_answer())
    return bool(conversation) and conversation[-1].text == demand


def offered_tools(
    conversation: Conversation, tools: Sequence[ToolSpec], *, profile: Profile
) -> tuple[ToolSpec, ...]:
    """The tools of the API field; without any, those of the `<tools>` block of the system prompt.

    None once the final answer is demanded. Lines of the block that are no function schema are left
    out.
    """
    if is_answer_demanded(conversation, profile=profile):
        return ()
    if tools or not conversation or conversation[0].role is not Role.SYSTEM:
        return tuple(tools)
    _, opened, rest = conversation[0].text.partition("<tools>")
    block, closed, _ = rest.partition("</tools>")
    if not (opened and closed):
        return ()
    specs = (_spec_of(line) for line in block.splitlines())
    return tuple(spec for spec in specs if spec is not None)


def _spec_of(line: str) -> ToolSpec | None:
    try:
        content: object = json.loads(line)
        if not isinstance(content, dict):
            return None
        spec = ToolSpec.model_validate(content.get("function", content))
    except (json.JSONDecodeError, ValidationError):
        return None
    return spec.model_copy(update={"name": "python"}) if spec.name == "PythonInterpreter" else spec
