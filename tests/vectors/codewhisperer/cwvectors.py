#!/usr/bin/env python3
# ruff: noqa: UP031, RUF005, B905
"""Turn the vector files in this folder into bytes, and compare results with them.

Standard library only.  Nothing here converts Anthropic <-> CodeWhisperer; that is
what the implementation under test does.  This file only

  * builds vnd.amazon.eventstream bytes (valid CRCs) from a list of frames,
  * damages them on request (bit flips, truncation, cuts, junk),
  * cuts them into network chunks,
  * compares an expected JSON value, which may hold matchers, with an actual one,
  * checks a CodeWhisperer request body against the known rules (check_request).

Command line:
  cwvectors.py list
  cwvectors.py encode CASE [-o FILE] [--flip OFFSET] [--cut BYTES] [--hex]
  cwvectors.py frames FILE.bin            strict decode of any event-stream file
  cwvectors.py check BODY.json            list the rules a request body breaks
  cwvectors.py verify                     encode every case, decode it again with the
                                          decoder below and, if importable, botocore's
"""

import argparse
import base64
import hashlib
import json
import os
import random
import re
import struct
import sys
import uuid
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
PRELUDE = 12  # total length, headers length, prelude CRC
TRAILER = 4  # message CRC
SMALLEST = PRELUDE + TRAILER


# ------------------------------------------------------------------ encoding


def encode_header(name, value, kind=None):
    """One header.  kind: bool, byte, short, int, long, bytes, string, timestamp, uuid."""
    raw = name.encode("utf-8")
    if not 1 <= len(raw) <= 255:
        raise ValueError("header name length: %d" % len(raw))
    out = bytes([len(raw)]) + raw
    if kind is None:
        if isinstance(value, bool):
            kind = "bool"
        elif isinstance(value, int):
            kind = "int" if -(2**31) <= value < 2**31 else "long"
        elif isinstance(value, (bytes, bytearray)):
            kind = "bytes"
        else:
            kind = "string"
    if kind == "bool":
        return out + bytes([0 if value else 1])
    if kind == "byte":
        return out + struct.pack(">Bb", 2, value)
    if kind == "short":
        return out + struct.pack(">Bh", 3, value)
    if kind == "int":
        return out + struct.pack(">Bi", 4, value)
    if kind == "long":
        return out + struct.pack(">Bq", 5, value)
    if kind in ("bytes", "string"):
        data = bytes(value) if kind == "bytes" else str(value).encode("utf-8")
        if len(data) > 0x7FFF:
            raise ValueError("header value too long: %d" % len(data))
        return out + struct.pack(">BH", 6 if kind == "bytes" else 7, len(data)) + data
    if kind == "timestamp":
        return out + struct.pack(">Bq", 8, value)  # milliseconds since 1970
    if kind == "uuid":
        return out + bytes([9]) + uuid.UUID(str(value)).bytes
    raise ValueError("header type: %r" % (kind,))


def encode_frame(headers, payload):
    """headers: list of (name, value) or (name, value, kind); payload: bytes."""
    head = b"".join(encode_header(*h) for h in headers)
    total = SMALLEST + len(head) + len(payload)
    front = struct.pack(">II", total, len(head))
    front += struct.pack(">I", zlib.crc32(front) & 0xFFFFFFFF)
    body = front + head + payload
    return body + struct.pack(">I", zlib.crc32(body) & 0xFFFFFFFF)


def payload_bytes(frame):
    if "payload_text" in frame:
        return frame["payload_text"].encode("utf-8")
    if "payload_b64" in frame:
        return base64.b64decode(frame["payload_b64"])
    if "payload" in frame:
        return json.dumps(frame["payload"], ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return b""


def frame_headers(frame):
    """Header list in the order seen on the wire: type, content-type, message-type."""
    ctype = frame.get("content_type", "application/json")
    if "event" in frame:
        head = [(":event-type", frame["event"]), (":content-type", ctype), (":message-type", "event")]
    elif "exception" in frame:
        head = [(":exception-type", frame["exception"]), (":content-type", ctype), (":message-type", "exception")]
    elif "error" in frame:
        head = [
            (":error-code", frame["error"]["code"]),
            (":error-message", frame["error"]["message"]),
            (":message-type", "error"),
        ]
    elif "headers" in frame:
        head = []
    else:
        raise ValueError("frame needs event, exception, error or headers: %r" % (frame,))
    for extra in frame.get("headers", []):
        head.append(tuple(extra))
    if frame.get("header_order") == "reversed":
        head.reverse()
    return head


def encode_frames(frames):
    """List of encoded frames, one bytes object each."""
    out = []
    for frame in frames:
        if "raw_hex" in frame:
            out.append(bytes.fromhex(frame["raw_hex"]))
        else:
            out.append(encode_frame(frame_headers(frame), payload_bytes(frame)))
    return out


# ------------------------------------------------------------------ damage


def _where(blob, place, offset):
    headers_length = struct.unpack(">I", blob[4:8])[0]
    start = {
        "prelude": 0,
        "prelude_crc": 8,
        "headers": PRELUDE,
        "payload": PRELUDE + headers_length,
        "message_crc": len(blob) - TRAILER,
    }[place]
    return start + offset


def damage(blobs, steps):
    """Apply the steps to a list of encoded frames and return the joined bytes.

    {"op":"flip","frame":i,"place":"prelude|prelude_crc|headers|payload|message_crc",
     "offset":n,"mask":255}     flip bits of one byte, CRCs are left as they were
    {"op":"relength","frame":i,"total":n,"fix_prelude_crc":true}   lie about the length
    {"op":"keep","frame":i,"bytes":n}  the stream stops after n bytes of frame i
    {"op":"cut","bytes":n}             drop the last n bytes of the whole stream
    {"op":"append","hex":"..."}        junk after the last frame
    """
    blobs = list(blobs)
    tail = b""
    cut = 0
    for step in steps:
        op = step["op"]
        if op == "flip":
            blob = bytearray(blobs[step["frame"]])
            blob[_where(blob, step["place"], step.get("offset", 0))] ^= step.get("mask", 0xFF)
            blobs[step["frame"]] = bytes(blob)
        elif op == "relength":
            blob = bytearray(blobs[step["frame"]])
            blob[0:4] = struct.pack(">I", step["total"])
            if step.get("fix_prelude_crc"):
                blob[8:12] = struct.pack(">I", zlib.crc32(bytes(blob[0:8])) & 0xFFFFFFFF)
            blobs[step["frame"]] = bytes(blob)
        elif op == "keep":
            i = step["frame"]
            blobs[i] = blobs[i][: step["bytes"]]
            del blobs[i + 1 :]
        elif op == "cut":
            cut = step["bytes"]
        elif op == "append":
            tail += bytes.fromhex(step["hex"])
        else:
            raise ValueError("unknown damage: %r" % (op,))
    data = b"".join(blobs) + tail
    return data[:-cut] if cut else data


def encode_case(case):
    return damage(encode_frames(case["frames"]), case.get("damage", []))


def chunks(data, plan="whole"):
    """Network chunks.  plan: "whole", "bytes", {"size":n}, {"sizes":[...]}, {"seed":n}."""
    if plan == "whole":
        yield data
        return
    if plan == "bytes":
        plan = {"size": 1}
    if "size" in plan:
        n = plan["size"]
        for i in range(0, len(data), n):
            yield data[i : i + n]
        return
    if "sizes" in plan:
        i = 0
        for n in plan["sizes"]:
            yield data[i : i + n]
            i += n
        if i < len(data):
            yield data[i:]
        return
    rng = random.Random(plan["seed"])
    i = 0
    while i < len(data):
        n = rng.randint(1, 97)
        yield data[i : i + n]
        i += n


# ------------------------------------------------------------------ strict decoding (for verify)


class BadStream(Exception):
    pass


def decode_headers(block):
    out, i = [], 0
    sizes = {2: (">b", 1), 3: (">h", 2), 4: (">i", 4), 5: (">q", 8), 8: (">q", 8)}
    while i < len(block):
        n = block[i]
        name = block[i + 1 : i + 1 + n].decode("utf-8")
        i += 1 + n
        kind = block[i]
        i += 1
        if kind in (0, 1):
            value = kind == 0
        elif kind in sizes:
            fmt, size = sizes[kind]
            value = struct.unpack(fmt, block[i : i + size])[0]
            i += size
        elif kind in (6, 7):
            size = struct.unpack(">H", block[i : i + 2])[0]
            value = block[i + 2 : i + 2 + size]
            if kind == 7:
                value = value.decode("utf-8")
            i += 2 + size
        elif kind == 9:
            value = block[i : i + 16]  # raw, as botocore gives it
            i += 16
        else:
            raise BadStream("header type %d" % kind)
        out.append((name, value))
    if i != len(block):
        raise BadStream("headers do not fill their block")
    return out


def decode_stream(data):
    """Yield (headers list, payload).  Raises BadStream on damage or a cut-off frame."""
    i = 0
    while i < len(data):
        if len(data) - i < PRELUDE:
            raise BadStream("cut off inside a prelude (%d bytes left)" % (len(data) - i))
        total, headers_length, crc = struct.unpack(">III", data[i : i + PRELUDE])
        if zlib.crc32(data[i : i + 8]) & 0xFFFFFFFF != crc:
            raise BadStream("prelude CRC")
        if total < SMALLEST or headers_length > total - SMALLEST:
            raise BadStream("lengths")
        if len(data) - i < total:
            raise BadStream("cut off inside a frame (%d of %d bytes)" % (len(data) - i, total))
        blob = data[i : i + total]
        if zlib.crc32(blob[:-TRAILER]) & 0xFFFFFFFF != struct.unpack(">I", blob[-TRAILER:])[0]:
            raise BadStream("message CRC")
        yield (decode_headers(blob[PRELUDE : PRELUDE + headers_length]), blob[PRELUDE + headers_length : -TRAILER])
        i += total


# ------------------------------------------------------------------ vector files


def expand(value):
    """Replace {"$repeat": {"text": "x", "n": 3}} by "xxx", everywhere."""
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            return value["$repeat"]["text"] * value["$repeat"]["n"]
        return {k: expand(v) for k, v in value.items()}
    if isinstance(value, list):
        return [expand(v) for v in value]
    return value


def load(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as handle:
        return expand(json.load(handle))


ABSENT = object()
_UUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def differences(expected, actual, at="$", bound=None):
    """Compare; return a list of human-readable differences (empty: they match).

    Matchers, each an object with exactly one of these keys:
      {"$any_of": [..]}  one of these (may be matchers; {"$absent": true} allowed)
      {"$absent": true}  the key must not be there
      {"$uuid": true}    a UUID string          {"$nonempty": true}  a non-empty string
      {"$int": [lo,hi]}  an integer in range    {"$length": [lo,hi]} a string of that length
      {"$regex": "..."}  re.search matches      {"$any": true}       anything, but present
      {"$contains": s}   a string that holds s  {"$also": [..]}      all of these matchers
      {"$bytes": [lo,hi]} a string of that many UTF-8 bytes
      {"$includes": {..}} an object with at least these keys
      {"$like": [sample, matcher]}  as the matcher; the sample is for sample()
      {"$bind": [name, matcher]}    as the matcher, and equal at every use of that name
    Objects are compared on exactly their keys; lists in order.
    """
    if bound is None:
        bound = {}
    if isinstance(expected, dict) and len(expected) == 1:
        key, arg = next(iter(expected.items()))
        if key == "$any_of":
            for option in arg:
                trial = dict(bound)
                if not differences(option, actual, at, trial):
                    bound.update(trial)
                    return []
            return ["%s: none of %d alternatives matched %s" % (at, len(arg), _show(actual))]
        if key == "$also":
            return [d for e in arg for d in differences(e, actual, at, bound)]
        if key == "$like":
            return differences(arg[1], actual, at, bound)
        if key == "$bind":
            if arg[0] in bound:
                return differences(bound[arg[0]], actual, at, bound)
            out = differences(arg[1], actual, at, bound)
            if not out:
                bound[arg[0]] = actual
            return out
        if key == "$absent":
            return [] if actual is ABSENT else ["%s: should be absent" % at]
        if key == "$includes":
            if not isinstance(actual, dict):
                return ["%s: expected an object, got %s" % (at, _show(actual))]
            return [d for k, e in arg.items() for d in differences(e, actual.get(k, ABSENT), "%s.%s" % (at, k), bound)]
        if key in _CHECKS:
            if actual is ABSENT:
                return ["%s: missing" % at]
            return (
                [] if _CHECKS[key](arg, actual) else ["%s: %s does not satisfy %s %r" % (at, _show(actual), key, arg)]
            )
    if actual is ABSENT:
        return ["%s: missing" % at]
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return ["%s: expected an object, got %s" % (at, _show(actual))]
        out = []
        for key in expected:
            out += differences(expected[key], actual.get(key, ABSENT), "%s.%s" % (at, key), bound)
        for key in actual:
            if key not in expected:
                out.append("%s.%s: unexpected" % (at, key))
        return out
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return ["%s: expected a list, got %s" % (at, _show(actual))]
        out = []
        if len(expected) != len(actual):
            out.append("%s: %d items expected, %d found" % (at, len(expected), len(actual)))
        for i, (e, a) in enumerate(zip(expected, actual)):
            out += differences(e, a, "%s[%d]" % (at, i), bound)
        return out
    if type(expected) is bool or type(actual) is bool or expected is None:
        return [] if expected is actual else ["%s: expected %r, got %s" % (at, expected, _show(actual))]
    return [] if expected == actual else ["%s: expected %s, got %s" % (at, _show(expected), _show(actual))]


def sample(expected, bound=None):
    """A value that the expected value accepts (used by verify)."""
    if bound is None:
        bound = {}
    if isinstance(expected, dict):
        if len(expected) == 1:
            key, arg = next(iter(expected.items()))
            if key == "$any_of":
                return sample(arg[0], bound)
            if key == "$like":
                return arg[0]
            if key == "$bind":
                if arg[0] not in bound:
                    bound[arg[0]] = sample(arg[1], bound)
                return bound[arg[0]]
            if key == "$includes":
                return sample(arg, bound)
            if key == "$absent":
                return ABSENT
            if key == "$uuid":
                return "0f5bd0f6-4a4e-4f0a-9a93-2f6a0b8f5b11"
            if key == "$int":
                return arg[0]
            if key in ("$length", "$bytes"):
                return "x" * arg[0]
            if key == "$contains":
                return arg
            if key in ("$nonempty", "$any"):
                return "x"
            if key in ("$regex", "$also"):
                raise ValueError("wrap in $like: %r" % (expected,))
        pairs = ((k, sample(v, bound)) for k, v in expected.items())
        return {k: v for k, v in pairs if v is not ABSENT}
    if isinstance(expected, list):
        return [sample(v, bound) for v in expected]
    return expected


def _show(value):
    if value is ABSENT:
        return "<absent>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else text[:117] + "..."


_CHECKS = {
    "$uuid": lambda arg, v: isinstance(v, str) and bool(_UUID.match(v)),
    "$nonempty": lambda arg, v: isinstance(v, str) and v != "",
    "$int": lambda arg, v: type(v) is int and arg[0] <= v <= arg[1],
    "$length": lambda arg, v: isinstance(v, str) and arg[0] <= len(v) <= arg[1],
    "$bytes": lambda arg, v: isinstance(v, str) and arg[0] <= len(v.encode("utf-8")) <= arg[1],
    "$regex": lambda arg, v: isinstance(v, str) and re.search(arg, v) is not None,
    "$contains": lambda arg, v: isinstance(v, str) and arg in v,
    "$any": lambda arg, v: True,
}


# ------------------------------------------------------------------ CodeWhisperer request bodies

TOOL_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_-]{0,63}$")
TOOL_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
ROOT_KEYS = {"conversationState", "profileArn", "agentMode", "additionalModelRequestFields", "source", "dryRun"}
STATE_KEYS = {
    "conversationId",
    "workspaceId",
    "history",
    "currentMessage",
    "chatTriggerType",
    "customizationArn",
    "agentContinuationId",
    "agentTaskType",
}
USER_KEYS = {
    "content",
    "userInputMessageContext",
    "userIntent",
    "origin",
    "images",
    "modelId",
    "cachePoint",
    "clientCacheConfig",
}
CONTEXT_KEYS = {
    "editorState",
    "shellState",
    "gitState",
    "envState",
    "appStudioContext",
    "diagnostic",
    "consoleState",
    "userSettings",
    "additionalContext",
    "toolResults",
    "tools",
}
ASSISTANT_KEYS = {
    "messageId",
    "content",
    "supplementaryWebLinks",
    "references",
    "followupPrompt",
    "toolUses",
    "cachePoint",
    "reasoningContent",
}


def canonical_request(body):
    """The body without what the expected bodies leave open.

    Dropped: conversationId, agentContinuationId, agentTaskType, agentMode; in history the
    modelId, origin and messageId; optional members that are null, [] or {}.
    """

    def user(m, in_history):
        out = {}
        for key, value in m.items():
            if in_history and key in ("modelId", "origin"):
                continue
            if key == "userInputMessageContext" and isinstance(value, dict):
                value = {k: v for k, v in value.items() if v not in (None, [], {})}
            if key != "content" and value in (None, [], {}):
                continue
            out[key] = value
        return {"userInputMessage": out}

    def assistant(m):
        return {
            "assistantResponseMessage": {
                k: v for k, v in m.items() if k != "messageId" and (k == "content" or v not in (None, [], {}))
            }
        }

    def message(m, in_history=True):
        if "userInputMessage" in m:
            return user(m["userInputMessage"], in_history)
        return assistant(m["assistantResponseMessage"])

    state = body["conversationState"]
    out = {
        "conversationState": {
            "chatTriggerType": state.get("chatTriggerType"),
            "currentMessage": message(state["currentMessage"], False),
        }
    }
    if state.get("history"):
        out["conversationState"]["history"] = [message(m) for m in state["history"]]
    for key, value in state.items():
        if (
            key
            not in (
                "conversationId",
                "agentContinuationId",
                "agentTaskType",
                "history",
                "currentMessage",
                "chatTriggerType",
            )
            and value is not None
        ):
            out["conversationState"][key] = value
    for key, value in body.items():
        if key not in ("conversationState", "agentMode") and value not in (None, {}):
            out[key] = value
    return out


def check_request(body):
    """Names and places of the rules this GenerateAssistantResponse body breaks (see README.md)."""
    bad = []

    def rule(ok, name, where=""):
        if not ok:
            bad.append(name + (": " + str(where) if where != "" else ""))

    try:
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        bad.append("utf8: lone surrogate in the body")
    rule(not set(body) - ROOT_KEYS, "root-keys", sorted(set(body) - ROOT_KEYS))
    rule(
        "profileArn" not in body or (isinstance(body["profileArn"], str) and body["profileArn"].startswith("arn:")),
        "profile-arn",
    )
    state = body.get("conversationState")
    if not isinstance(state, dict):
        return bad + ["state-missing"]
    rule(not set(state) - STATE_KEYS, "state-keys", sorted(set(state) - STATE_KEYS))
    rule(
        state.get("chatTriggerType") in ("MANUAL", "DIAGNOSTIC", "INLINE_CHAT"), "trigger", state.get("chatTriggerType")
    )
    conversation = state.get("conversationId")
    rule(conversation is None or bool(_UUID.match(str(conversation))), "conversation-id", conversation)
    history = state.get("history") or []
    rule(len(history) <= 10000, "history-length", len(history))
    current = (state.get("currentMessage") or {}).get("userInputMessage")
    if not isinstance(current, dict):
        return bad + ["current-not-user"]

    tools = (current.get("userInputMessageContext") or {}).get("tools") or []
    names = []
    for i, entry in enumerate(tools):
        if set(entry) == {"cachePoint"}:
            continue
        spec = entry.get("toolSpecification")
        if not isinstance(spec, dict):
            bad.append("tool-shape: %d" % i)
            continue
        name = spec.get("name")
        names.append(str(name).lower())
        rule(not set(spec) - {"name", "description", "inputSchema"}, "tool-keys", name)
        rule(isinstance(name, str) and bool(TOOL_NAME.match(name)), "tool-name", _show(name))
        text = spec.get("description")
        rule(isinstance(text, str) and text.strip() != "", "tool-description-empty", name)
        rule(not isinstance(text, str) or len(text) <= 10240, "tool-description-length", name)
        schema = (spec.get("inputSchema") or {}).get("json")
        if not isinstance(schema, dict):
            bad.append("schema-missing: %s" % name)
            continue
        rule(schema.get("type") == "object", "schema-type", name)
        rule(isinstance(schema.get("properties", {}), dict), "schema-properties", name)
        rule(isinstance(schema.get("required", []), list), "schema-required", name)
        rule(not {"oneOf", "anyOf", "allOf"} & set(schema), "schema-union-at-top", name)
    rule(len(names) == len(set(names)), "tool-names-unique")

    seen_ids = set()
    open_ids = None  # ids the next user message has to answer
    turn = "user"
    for i, entry in enumerate(history + [state["currentMessage"]]):
        last = i == len(history)
        at = "current" if last else "history[%d]" % i
        kinds = [k for k in ("userInputMessage", "assistantResponseMessage") if entry.get(k) is not None]
        if len(kinds) != 1:
            bad.append("message-shape: " + at)
            continue
        message = entry[kinds[0]]
        who = "user" if kinds[0] == "userInputMessage" else "assistant"
        rule(who == turn, "alternation", at)
        turn = "assistant" if who == "user" else "user"
        content = message.get("content")
        rule(isinstance(content, str), "content-type", at)
        content = content if isinstance(content, str) else ""
        if who == "assistant":
            rule(not set(message) - ASSISTANT_KEYS, "assistant-keys", at)
            uses = message.get("toolUses") or []
            rule(content != "" or uses, "content-empty", at)
            open_ids = []
            for use in uses:
                use_id = use.get("toolUseId")
                rule(isinstance(use_id, str) and bool(TOOL_ID.match(use_id)), "tool-use-id", _show(use_id))
                rule(use_id not in seen_ids, "tool-use-id-repeated", _show(use_id))
                seen_ids.add(use_id)
                open_ids.append(use_id)
                rule(isinstance(use.get("input"), dict), "tool-use-input", _show(use_id))
                rule(str(use.get("name")).lower() in names, "tool-not-declared", _show(use.get("name")))
            continue
        rule(not set(message) - USER_KEYS, "user-keys", at)
        context = message.get("userInputMessageContext") or {}
        rule(not set(context) - CONTEXT_KEYS, "context-keys", at)
        rule(last or not context.get("tools"), "tools-in-history", at)
        rule(not last or (isinstance(message.get("modelId"), str) and message["modelId"] != ""), "model-id", at)
        results = context.get("toolResults") or []
        rule(content != "" or results, "content-empty", at)
        rule(len(content) <= 600000, "content-length", at)
        answered = [r.get("toolUseId") for r in results]
        rule(
            sorted(map(str, answered)) == sorted(map(str, open_ids or [])),
            "tool-results-match",
            "%s answers %s, open %s" % (at, answered, open_ids or []),
        )
        open_ids = []
        for result in results:
            rule(not set(result) - {"toolUseId", "content", "status", "isError"}, "tool-result-keys", at)
            rule(result.get("status") in ("success", "error"), "tool-result-status", at)
            parts = result.get("content")
            rule(
                isinstance(parts, list)
                and len(parts) > 0
                and all(
                    isinstance(c, dict) and len(c) == 1 and ("json" in c or isinstance(c.get("text"), str))
                    for c in parts
                ),
                "tool-result-content",
                at,
            )
            rule(len(json.dumps(parts)) <= 800000, "tool-result-length", at)
        for image in message.get("images") or []:
            rule(image.get("format") in ("gif", "jpeg", "png", "webp"), "image-format", at)
            try:
                base64.b64decode(image["source"]["bytes"], validate=True)
            except (KeyError, TypeError, ValueError):
                bad.append("image-bytes: " + at)
    rule(not history or "userInputMessage" in history[0], "history-first")
    rule(not history or "assistantResponseMessage" in history[-1], "history-last")
    return bad


# ------------------------------------------------------------------ checks of the vectors themselves


def _botocore_count(data):
    """(frames decoded, error class name or None, bytes left undecoded) by botocore."""
    from botocore.eventstream import EventStreamBuffer, ParserError

    buf = EventStreamBuffer()
    seen = []
    try:
        for piece in chunks(data, {"seed": 7}):
            buf.add_data(piece)
            for message in buf:
                seen.append((dict(message.headers), bytes(message.payload)))
    except ParserError as exc:
        return seen, type(exc).__name__, None
    return seen, None, len(buf._data)


def verify():
    try:
        import botocore

        have = "botocore " + botocore.__version__
    except ImportError:
        have = None
    bad = 0
    cases = load("streams.json")["cases"]
    ids = [c["id"] for c in cases]
    assert len(ids) == len(set(ids)), "duplicate case ids"
    for case in cases:
        data = encode_case(case)
        own, own_error = [], None
        try:
            for headers, payload in decode_stream(data):
                own.append((dict(headers), payload))
        except BadStream as exc:
            own_error = str(exc)
        want = case.get("decode", {"frames": len(case["frames"]), "clean": True})
        problems = []
        if len(own) != want["frames"]:
            problems.append("own decoder: %d frames, expected %d" % (len(own), want["frames"]))
        if (own_error is None) != want["clean"]:
            problems.append("own decoder: %s" % own_error)
        if "sha256" in want and hashlib.sha256(data).hexdigest() != want["sha256"]:
            problems.append("sha256 differs")
        if "message_crcs" in want:
            got = ["%08x" % struct.unpack(">I", b[-4:])[0] for b in encode_frames(case["frames"])]
            if got != want["message_crcs"]:
                problems.append("message CRCs %r" % (got,))
        if have:
            theirs, error, left = _botocore_count(data)
            same = len(theirs) == len(own) and all(a[1] == b[1] and a[0] == b[0] for a, b in zip(theirs, own))
            if not same:
                problems.append("botocore decoded %d frames or other contents" % len(theirs))
            clean = error is None and left == 0
            if clean != want["clean"]:
                problems.append("botocore: error %s, %s bytes left" % (error, left))
            if "botocore_error" in want and error != want["botocore_error"]:
                problems.append("botocore error %s, expected %s" % (error, want["botocore_error"]))
        for plan in ("whole", "bytes", {"size": 13}, {"seed": 3}):
            assert b"".join(chunks(data, plan)) == data
        bad += bool(problems)
        print("%-4s %-46s %6d bytes %s" % ("BAD" if problems else "ok", case["id"], len(data), "; ".join(problems)))
    print("%d streams, %d bad; second decoder: %s" % (len(cases), bad, have or "none"))
    bodies = wrong = 0
    pairs = load("requests.json")["cases"]
    assert len({c["id"] for c in pairs}) == len(pairs), "duplicate request ids"
    for case in pairs:
        for number, expected in enumerate(case.get("expect_any") or [case["expect"]]):
            if "body" not in expected:
                continue
            body = sample(expected["body"])
            problems = check_request(body)
            problems += differences(expected["body"], canonical_request(body))
            bodies += 1
            wrong += bool(problems)
            if problems:
                print("BAD  %s[%d] %s" % (case["id"], number, "; ".join(problems)))
    for case in load("requests.json")["rule_cases"]:
        found = {p.split(":")[0] for p in check_request(case["body"])}
        bodies += 1
        if found != set(case["breaks"]):
            wrong += 1
            print("BAD  rule %s: found %s, expected %s" % (case["id"], sorted(found), case["breaks"]))
    print("%d request bodies, %d bad" % (bodies, wrong))
    for name in ("errors.json", "models.json", "auth.json"):
        ids = [c["id"] for c in load(name)["cases"]]
        assert len(ids) == len(set(ids)), name
        print("%s: %d cases" % (name, len(ids)))
    return 1 if bad or wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sub = parser.add_subparsers(dest="what", required=True)
    sub.add_parser("list")
    enc = sub.add_parser("encode")
    enc.add_argument("case")
    enc.add_argument("-o", "--output")
    enc.add_argument("--hex", action="store_true")
    enc.add_argument(
        "--flip",
        type=int,
        action="append",
        default=[],
        metavar="OFFSET",
        help="invert the byte at this offset of the finished stream",
    )
    enc.add_argument("--cut", type=int, default=0, metavar="BYTES", help="drop this many bytes from the end")
    dec = sub.add_parser("frames")
    dec.add_argument("file")
    chk = sub.add_parser("check")
    chk.add_argument("file")
    sub.add_parser("verify")
    args = parser.parse_args()
    if args.what == "verify":
        return verify()
    if args.what == "check":
        with open(args.file, encoding="utf-8") as handle:
            problems = check_request(json.load(handle))
        print("\n".join(problems) or "ok")
        return 1 if problems else 0
    if args.what == "frames":
        with open(args.file, "rb") as handle:
            data = handle.read()
        try:
            for headers, payload in decode_stream(data):
                print(
                    json.dumps(
                        {"headers": dict(headers), "payload": payload.decode("utf-8", "replace")},
                        ensure_ascii=False,
                        default=str,
                    )
                )
        except BadStream as exc:
            print("stream ends badly: %s" % exc, file=sys.stderr)
            return 1
        return 0
    cases = load("streams.json")["cases"]
    if args.what == "list":
        for case in cases:
            print("%-46s %s" % (case["id"], case["title"]))
        return 0
    found = [c for c in cases if c["id"] == args.case]
    if not found:
        print("no such case", file=sys.stderr)
        return 2
    data = bytearray(encode_case(found[0]))
    for offset in args.flip:
        data[offset] ^= 0xFF
    if args.cut:
        del data[-args.cut :]
    if args.hex:
        print(bytes(data).hex())
    elif args.output:
        with open(args.output, "wb") as handle:
            handle.write(data)
    else:
        sys.stdout.buffer.write(bytes(data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
