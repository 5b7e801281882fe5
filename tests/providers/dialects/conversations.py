"""Conversations of any shape, for properties of encoders."""

from __future__ import annotations

from hypothesis import strategies as st

TEXTS = st.text(max_size=8)
IDS = st.sampled_from(["a", "b", "c", "x" * 80])
NAMES = st.sampled_from(["f", "g", "n" * 80, "a.b", "ü", "7"])
TEXT_BLOCKS = st.builds(lambda text: {"type": "text", "text": text}, TEXTS)
IMAGES = st.just({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}})
THOUGHTS = st.builds(
    lambda text, signature: {"type": "thinking", "thinking": text, "signature": signature},
    TEXTS,
    st.sampled_from(["", "Eq", "ccr:gemini/p:UzE=", "ccr:gemini/p:t.UzE=", "ccr:openai-responses/p:rs_1:E1"]),
)
CALLS = st.builds(lambda call, name: {"type": "tool_use", "id": call, "name": name, "input": {}}, IDS, NAMES)
RESULTS = st.builds(
    lambda call, content, error: {"type": "tool_result", "tool_use_id": call, "content": content, "is_error": error},
    IDS,
    st.one_of(TEXTS, st.none(), st.lists(st.one_of(TEXT_BLOCKS, IMAGES), max_size=2)),
    st.booleans(),
)
ODD = st.sampled_from([{"type": "brand_new"}, {"type": "container_upload", "file_id": "f"}])
BLOCKS = st.lists(st.one_of(TEXT_BLOCKS, IMAGES, THOUGHTS, CALLS, RESULTS, ODD), max_size=5)
MESSAGES = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "user", "assistant", "system"]),
        st.one_of(TEXTS, BLOCKS),
    ),
    max_size=8,
)
TOOLS = [{"name": "f", "input_schema": {}}, {"name": "n" * 80, "input_schema": {"type": "object"}}]
