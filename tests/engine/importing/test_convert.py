"""Configurations of other routers become configurations of ours: whole files as goldens, rules as rows, no key in any word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cli import ccr
from engine.importing.convert import Imported, NotImportable, imported
from engine.importing.yaml_text import yaml_of
from providers.dialects.table import TYPES
from schemas.document import plain
from schemas.read import read
from tests.conftest import Golden

SAMPLES = sorted((Path(__file__).parent.parent.parent / "imports").iterdir())


def convert(value: Any) -> Imported:
    return imported(json.dumps(value).encode(), "x.json", TYPES)


def values_of(made: Imported) -> dict[str, Any]:
    document, findings = read(made.text.encode(), "x.yaml")
    assert document is not None, findings
    assert not findings
    value = plain(document.root)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_a_whole_file(sample: Path, golden: Golden) -> None:
    """The new file, with what has no equivalent in its comments."""
    golden(f"imports/{sample.stem}.yaml", imported(sample.read_bytes(), sample.name, TYPES).text)


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_the_new_file_passes_and_holds_no_key(sample: Path, tmp_path: Path) -> None:
    """`ccr import` writes what `ccr test-config` accepts; keys are nowhere, in the file or in what is said."""
    output = tmp_path / "ccr.yaml"
    made = CliRunner().invoke(ccr, ["import", str(sample), "-o", str(output)])
    assert made.exit_code == 0, made.output
    assert "canary" not in made.output + output.read_text()
    assert output.read_text().startswith("# yaml-language-server: $schema=ccr.schema.json\n")
    assert output.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ccr.schema.json").exists()
    checked = CliRunner().invoke(ccr, ["test-config", str(output)])
    assert checked.exit_code == 0, checked.output
    assert "error" not in checked.output


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_every_note_is_said_twice(sample: Path) -> None:
    """In the comments of the file, and on standard error; without `-o` the file alone is standard output."""
    made = CliRunner().invoke(ccr, ["import", str(sample)])
    notes = imported(sample.read_bytes(), sample.name, TYPES).notes
    assert made.exit_code == 0
    for note in notes:
        line = f"{note.place}: {note.text}"
        assert line in made.stderr
        assert f"# {line}" in made.stdout


def test_an_existing_file_stays(tmp_path: Path) -> None:
    """Nothing is overwritten without `--force`."""
    output = tmp_path / "ccr.yaml"
    output.write_text("mine: 1\n")
    assert CliRunner().invoke(ccr, ["import", str(SAMPLES[0]), "-o", str(output)]).exit_code == 1
    assert output.read_text() == "mine: 1\n"
    assert CliRunner().invoke(ccr, ["import", str(SAMPLES[0]), "-o", str(output), "--force"]).exit_code == 0


BAD = {
    "gone": (None, 3, "cannot be read"),
    "no tree": (b'{"Providers": [', 3, "bad.json:1:"),
    "not text": (b"\xff\xfe{", 3, "UTF-16"),
    "a list": (b"[]", 1, "mapping"),
    "something else": (b'{"a": 1}', 1, "neither `Providers` nor `routing`"),
    "no provider": (b'{"Providers": [{"name": ""}]}', 1, "no provider"),
}


@pytest.mark.parametrize(("data", "status", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_imported_is_said(data: bytes | None, status: int, said: str, tmp_path: Path) -> None:
    """A file that is missing or has no tree is 3, one of another kind 1."""
    path = tmp_path / "bad.json"
    if data is not None:
        path.write_bytes(data)
    made = CliRunner().invoke(ccr, ["import", str(path)])
    assert (made.exit_code, made.stdout) == (status, "")
    assert said in made.stderr


def provider(**members: Any) -> dict[str, Any]:
    """The one provider of a version 2 file."""
    base = {
        "name": "p",
        "api_base_url": "https://p.example/v1/chat/completions",
        "api_key": "$KEY",
        "models": ["a", "b"],
    }
    made = convert({"Providers": [{**base, **members}], "Router": {"default": "p,a"}})
    found: dict[str, Any] = values_of(made)["providers"]["p"]
    return found


SETTINGS = {
    "deepseek": (["deepseek"], {"thinkingHistory": "reasoning_content", "models": [{"name": "a", "maxOutputTokens": 8192}, {"name": "b", "maxOutputTokens": 8192}]}),
    "maxtoken": ([["maxtoken", {"max_tokens": 5}]], {"models": [{"name": "a", "maxOutputTokens": 5}, {"name": "b", "maxOutputTokens": 5}]}),
    "maxcompletiontokens": (["maxcompletiontokens"], {"maxTokensField": "max_completion_tokens", "models": ["a", "b"]}),
    "openrouter": ([["openrouter", {"provider": {"only": ["x"]}}]], {"reasoningField": "reasoning", "cacheControl": "keep", "extraBody": {"provider": {"only": ["x"]}}, "models": ["a", "b"]}),
    "reasoning": (["reasoning"], {"reasoningField": "enable_thinking", "reasoning": "always", "models": ["a", "b"]}),
    "reasoning off": ([["reasoning", {"enable": False}]], {"reasoningField": "enable_thinking", "reasoning": "never", "models": ["a", "b"]}),
    "sampling": ([["sampling", {"temperature": 0.5, "top_k": 3}]], {"extraBody": {"temperature": 0.5, "top_k": 3}, "models": ["a", "b"]}),
    "extrathinktag": (["extrathinktag"], {"thinkingTag": "think", "models": ["a", "b"]}),
    "needless": (["groq", "cleancache", "OpenAI"], {"models": ["a", "b"]}),
    "none": (["tooluse", "enhancetool", "forcereasoning", "own"], {"models": ["a", "b"]}),
}  # fmt: skip


@pytest.mark.parametrize(("use", "expected"), SETTINGS.values(), ids=SETTINGS)
def test_a_transformer(use: list[Any], expected: dict[str, Any]) -> None:
    """What it does is a setting, or it is noted."""
    assert provider(transformer={"use": use})["settings"] == expected


BY_TYPE: dict[str, tuple[dict[str, Any], str]] = {
    "chat": ({}, "openai"),
    "by the transformer": ({"transformer": {"use": ["Anthropic"]}}, "anthropic"),
    "by the address": ({"api_base_url": "https://x.example/v1/messages"}, "anthropic"),
    "by the host": ({"api_base_url": "https://generativelanguage.googleapis.com/v1beta/models/"}, "gemini"),
    "by the path": (
        {"api_base_url": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"},
        "openai",
    ),
    "by the protocol": ({"protocol": "gemini"}, "gemini"),
}


@pytest.mark.parametrize(("members", "kind"), BY_TYPE.values(), ids=BY_TYPE)
def test_the_type_of_a_provider(members: dict[str, Any], kind: str) -> None:
    """It is told by transformer, protocol or address."""
    assert provider(**members)["type"] == kind


KEYS = {
    "a variable": ("$MY_KEY", {"type": "bearer", "credentials": {"apiKey": "${MY_KEY}"}}),
    "a braced variable": ("${MY_KEY}", {"type": "bearer", "credentials": {"apiKey": "${MY_KEY}"}}),
    "a key": ("sk-canary", {"type": "bearer", "credentials": {"apiKey": "${P_API_KEY}"}}),
    "a key that looks like a variable of ours": (
        "sk-$canary",
        {"type": "bearer", "credentials": {"apiKey": "${P_API_KEY}"}},
    ),
    "a variable with a key to fall back on": (
        "${MY_KEY:-sk-canary}",
        {"type": "bearer", "credentials": {"apiKey": "${MY_KEY}"}},
    ),
    "no key": ("", {"type": "none"}),
    "a word for no key": ("ollama", {"type": "none"}),
}


@pytest.mark.parametrize(("key", "expected"), KEYS.values(), ids=KEYS)
def test_a_key(key: str, expected: dict[str, Any]) -> None:
    """References stay, keys become variables to set, words that are no keys are none."""
    assert provider(api_key=key)["authentication"] == expected


def test_a_key_moved_out_takes_no_variable_that_is_in_use() -> None:
    """The variable of one provider never gets the key of another."""
    listed = [
        {"name": "p", "api_base_url": "https://p.example", "api_key": "sk-canary", "models": ["a"]},
        {"name": "q", "api_base_url": "https://q.example", "api_key": "$P_API_KEY", "models": ["a"]},
    ]
    made = convert({"Providers": listed})
    assert made.variables == ("P_API_KEY_2",)


NOTED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a transformer that is no list": ({"transformer": "openrouter"}, {}, "Providers[0].transformer: this is no list"),
    "a use that is no list": ({"transformer": {"use": "openrouter"}}, {}, "Providers[0].transformer: this is no list"),
    "sampling that is no number": (
        {"transformer": {"use": [["sampling", {"stop": ["x"], "seed": True}]]}},
        {},
        "transformer.use[0].stop: this option of `sampling` has no equivalent",
    ),
    "parameters that a request may have too": (
        {"transformer": {"use": [["customparams", {"temperature": 1, "k": {"enable": True}}]]}},
        {},
        "`temperature`: as `extraBody` it wins over what a request says",
    ),
    "fallbacks of a scenario without a category": (
        {},
        {"fallback": {"image": ["p,a"]}},
        "fallback.image: there is no category with a route in `Router.image`",
    ),
    "fallbacks of a scenario without a route": (
        {},
        {"fallback": {"think": ["p,a"]}},
        "fallback.think: there is no category",
    ),
    "a port that only looks like one": ({}, {"PORT": "\u00b2"}, "PORT: this is no port"),
    "a port of thousands of digits": ({}, {"PORT": "1" * 5000}, "PORT: this is no port"),
    "a threshold of thousands of digits": (
        {},
        {"Router": {"default": "p,a", "longContextThreshold": "1" * 5000}},
        "Router.longContextThreshold: this is no number of tokens",
    ),
    "fallbacks that are no mapping": ({}, {"fallback": ["p,a"]}, "fallback: this is no mapping"),
}


@pytest.mark.parametrize(("members", "top", "note"), NOTED.values(), ids=NOTED)
def test_what_version_2_has_and_ccr_has_not_is_noted(members: dict[str, Any], top: dict[str, Any], note: str) -> None:
    """Nothing of a file goes without a word."""
    one = {"name": "p", "api_base_url": "https://p.example", "models": ["a"], **members}
    made = convert({"Providers": [one], "Router": {"default": "p,a"}, **top})
    assert note in "\n".join(f"{said.place}: {said.text}" for said in made.notes)


def test_the_limit_of_a_provider_holds_for_a_model_that_only_a_route_names() -> None:
    """It stands in the transformer, and not with the models."""
    for use, limit in ((["deepseek"], 8192), ([["maxtoken", {"max_tokens": 5}]], 5)):
        one = {"name": "p", "api_base_url": "https://p.example", "models": [], "transformer": {"use": use}}
        made = convert({"Providers": [one], "Router": {"default": "p,a"}})
        assert values_of(made)["providers"]["p"]["settings"]["models"] == [{"name": "a", "maxOutputTokens": limit}]


def test_a_category_without_a_route_goes_where_default_goes() -> None:
    """As there; the provider's first model would be another one."""
    listed = [{"name": "p", "api_base_url": "https://p.example", "models": ["a", "b"]}]
    made = convert({"Providers": listed, "Router": {"default": "p,b", "think": "p,a", "background": ""}})
    assert values_of(made)["routing"]["rules"] == {
        "default": "p,b",
        "background": "p,b",
        "thinking": "p,a",
        "longcontext": "p,b",
        "search": "p,b",
    }


SERVERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a port as digits": ({"server": {"port": "3457"}}, {"server": {"port": 3457}}, ""),
    "no port": ({"server": {"port": True}}, {"server": None}, "server.port: this is no port"),
    "an unknown level": ({"debug": {"logLevel": "verbose"}}, {"debug": None}, "debug.logLevel: it is none of"),
    "no switch": ({"debug": {"enabled": "yes"}}, {"debug": None}, "debug.enabled: this is neither true nor false"),
    "no folder": (
        {"debug": {"logDir": 3, "enabled": True}},
        {"debug": {"enabled": True}},
        "debug.logDir: this is no path",
    ),
}


@pytest.mark.parametrize(("top", "expected", "note"), SERVERS.values(), ids=SERVERS)
def test_server_and_debug_of_the_original_router(top: dict[str, Any], expected: dict[str, Any], note: str) -> None:
    """What has a value of ours is taken, and what has not is noted."""
    made = convert({"providers": {"p": {"type": "openai", "endpoint": "https://p.example"}}, "routing": {}, **top})
    found = values_of(made)
    assert {key: found.get(key) for key in expected} == expected
    assert [f"{one.place}: {one.text}".startswith(note) for one in made.notes] == [True] * bool(note)


ROWS = {
    "models and limits beside the settings": (
        {"models": ["a", "b"], "defaultModel": "b", "maxTokens": {"a": 7}},
        {"settings": {"models": [{"name": "a", "maxOutputTokens": 7}, "b"], "defaultModel": "b"}},
        "",
    ),
    "no address": ({"endpoint": None}, {}, "address of `p`: there is none: write its `endpoint`"),
    "no address of CodeWhisperer's": (
        {"endpoint": None, "type": "codewhisperer"},
        {"endpoint": "https://codewhisperer.us-east-1.amazonaws.com", "authentication": None},
        "",
    ),
    "the address of Gemini alone": (
        {"endpoint": "https://generativelanguage.googleapis.com/", "type": "gemini"},
        {"endpoint": "https://generativelanguage.googleapis.com/v1beta"},
        "",
    ),
    "models that are no list": ({"models": "a"}, {"settings": None}, "models: this is no list of models, so it was left out"),
    "a pool of texts": (
        {"settings": {"connectionPool": {"maxConnections": "10", "keepAlive": True}}},
        {"settings": {"connectionPool": {"keepAlive": True}}},
        "connectionPool.maxConnections: this is no value for it, so it was left out",
    ),
    "seconds between checks": (
        {"instances": [{"endpoint": "https://a.example"}, {"endpoint": "https://b.example"}], "loadBalancing": {"healthCheck": {"interval": 30, "timeout": 900}}},
        {"loadBalancing": {"strategy": "round-robin", "healthCheck": {"enabled": True, "timeout": 900}}},
        "healthCheck.interval: this is no number of milliseconds from 100 on, so it was left out",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("members", "expected", "note"), ROWS.values(), ids=ROWS)
def test_a_provider_of_the_original_router(members: dict[str, Any], expected: dict[str, Any], note: str) -> None:
    """What is written is what our configurations take; what is not written is noted."""
    base = {"type": "openai", "endpoint": "https://p.example/v1"}
    made = convert({"providers": {"p": {**base, **members}}, "routing": {"default": {"provider": "p"}}})
    found = values_of(made)["providers"]["p"]
    assert {key: found.get(key) for key in expected} == expected
    assert note in "\n".join(f"{one.place}: {one.text}" for one in made.notes)
    assert note or not made.notes


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1",
        "0x1",
        "a: b",
        "# c",
        "- d",
        "${X}",
        "http://a:1/b",
        "2020-01-01",
        "012",
        "a,b",
        "{",
        "'",
        "é",
    ]
)
VALUES = st.recursive(
    TEXTS | st.integers(-5, 5) | st.booleans(),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(TEXTS, inner, min_size=1, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100)
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_any_value_is_written_so_that_it_is_read_back(value: dict[str, Any]) -> None:
    """Whatever the texts, the YAML means them."""
    document, findings = read(yaml_of(value).encode(), "x.yaml")
    assert document is not None, (yaml_of(value), findings)
    assert plain(document.root) == value


KEY = "sk-canary-0123456789abcdef"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 70000)
    | st.sampled_from(["", "p", "p,a", "p,a;q,b", "$X", KEY, "https://u:canary@h/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "type",
                    "models",
                    "settings",
                    "authentication",
                    "credentials",
                    "apiKey",
                    "api_key",
                    "api_base_url",
                    "endpoint",
                    "transformer",
                    "use",
                    "provider",
                    "model",
                    "backup",
                    "providers",
                    "default",
                    "think",
                    "weight",
                    "instances",
                    "loadBalancing",
                    "strategy",
                    "condition",
                    "target",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "Providers",
                "providers",
                "Router",
                "routing",
                "server",
                "debug",
                "customRules",
                "fallback",
                "security",
                "PORT",
                "HOST",
            ]
        ),
        JSON,
        max_size=5,
    )
)
def test_any_file_is_imported_or_refused(value: dict[str, Any]) -> None:
    """Nothing else is raised, what is written is YAML, and no key is in it or in what is said.

    A key that stands where a name does is a name of the new file, but is not repeated elsewhere.
    """
    try:
        made = convert(value)
        said = " ".join(f"{note.place}: {note.text}" for note in made.notes)
    except NotImportable as refused:
        made, said = None, str(refused)
    assert "canary" not in said
    if made is None:
        return
    assert "canary" not in "".join(line for line in made.text.splitlines() if line.startswith("#"))
    assert ":canary" not in made.text
    for provider in values_of(made)["providers"].values():
        assert "canary" not in str(provider.get("authentication", ""))


def test_a_key_where_a_name_belongs_is_not_repeated() -> None:
    """A default provider that is a key and is not there: the note hides it, and so does the comment."""
    made = convert(
        {
            "providers": {"a": {"type": "openai", "endpoint": "https://h/", "models": ["m"]}},
            "routing": {"defaultProvider": KEY},
        }
    )
    assert any("`***`" in note.text for note in made.notes)
    assert "canary" not in made.text
