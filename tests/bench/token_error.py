"""How far `inputTokens` is from two public tokenizers, by kind of text: `make token-error`.

The tokenizers are `o200k_base` and `cl100k_base` of PyPI's `bpe-openai` and the vocabulary in PyPI's
`anthropic-tokenizer`; both packages carry their vocabularies, nothing is fetched. The texts are this project's own and
the standard library's, so that anybody gets the same figures for the same versions.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rules.measure import VERSION, weight_of
from tests.bench.bodies import big_anthropic

ROOT = Path(__file__).resolve().parents[2]
STANDARD = ("argparse", "asyncio.tasks", "csv", "dataclasses", "email.message", "json.decoder", "logging", "shutil")
PIECE = 8_000
OTHER_LANGUAGES = {
    "German": "Der Router entscheidet anhand der Konfiguration, welches Modell eine Anfrage beantwortet, und erklärt es auf Wunsch. ",
    "French": "Le routeur choisit le modèle qui répond à chaque requête, selon la configuration, et il explique son choix. ",
    "Russian": "Маршрутизатор выбирает модель для каждого запроса по файлу конфигурации и объясняет свой выбор. ",
    "Chinese": "路由器根据配置文件决定每个请求由哪个模型回答，并在需要时解释原因。",
    "Japanese": "ルーターは設定ファイルに従って各リクエストのモデルを選び、求められればその理由を説明します。",
}


def texts() -> Iterator[tuple[str, str]]:
    """Kind and text, in pieces of some thousand characters."""
    for path in sorted(ROOT.rglob("*.md")):
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            yield from _pieces("prose and Markdown", path.read_text())
    for name in STANDARD:
        file = importlib.import_module(name).__file__
        assert file is not None
        yield from _pieces("Python", Path(file).read_text())
    schema = json.loads((ROOT / "schemas" / "ccr.schema.json").read_text())
    yield from _pieces("JSON, indented", json.dumps(schema, indent=2))
    yield from _pieces("JSON, compact", json.dumps(schema, separators=(",", ":")))
    yield from _pieces("a client's tools", json.dumps(big_anthropic()["tools"]))
    log = "".join(
        f"2026-01-{day:02}T{day % 24:02}:07:{day % 60:02}.{day * 37 % 1000:03}Z INFO router request={day * 7919:08x} status=200 ms={day * 13}\n"
        for day in range(1, 29)
    )
    yield from _pieces("log lines", log * 3)
    listing = "".join(
        f"-rw-r--r-- 1 root root {len(path.name) * 991:7} Jan  5 09:00 {path}\n"
        for path in sorted(Path("rules").glob("*"))
    )
    yield from _pieces("a listing", listing)
    for language, sentence in OTHER_LANGUAGES.items():
        yield language, sentence * 10


def _pieces(kind: str, text: str) -> Iterator[tuple[str, str]]:
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        if len(piece) > PIECE // 4:
            yield kind, piece


def tokenizers() -> Mapping[str, Callable[[str], int]]:
    """Name -> count. Raises ImportError where the packages are not installed."""
    openai: Any = importlib.import_module("bpe_openai")
    anthropic: Any = importlib.import_module("anthropic_tokenizer")
    encodings = {name: openai.get_encoding(name) for name in ("cl100k_base", "o200k_base")}
    counts = {name: _count_by(encoding) for name, encoding in encodings.items()}
    return counts | {"anthropic-tokenizer": anthropic.count_tokens}


def _count_by(encoding: Any) -> Callable[[str], int]:
    return lambda text: len(encoding.encode(text))


def errors(counts: Mapping[str, Callable[[str], int]]) -> dict[str, dict[str, list[float]]]:
    """Kind -> tokenizer -> relative errors of the estimate, one for each text."""
    found: dict[str, dict[str, list[float]]] = {}
    for kind, text in texts():
        estimate = weight_of(text.encode()) / 1000
        for name, count in counts.items():
            true = count(text)
            found.setdefault(kind, {}).setdefault(name, []).append((estimate - true) / true)
    return found


def main() -> int:
    """Prints the table, or JSON with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        counts = tokenizers()
    except ImportError:
        print("the tokenizers are missing: pip install bpe-openai anthropic-tokenizer", file=sys.stderr)
        return 1
    found = errors(counts)
    if arguments.json:
        print(json.dumps({"version": VERSION, "errors": found}))
        return 0
    print(f"error of {VERSION}, mean over the texts of a kind (mean of the absolute errors)")
    print(f"{'':24}" + "".join(f"{name:>24}" for name in counts))
    everything: dict[str, list[float]] = {}
    for kind, by_name in found.items():
        print(f"{kind:24}" + "".join(_cell(by_name[name]) for name in counts))
        for name, values in by_name.items():
            everything.setdefault(name, []).extend(values)
    print(f"{'all':24}" + "".join(_cell(everything[name]) for name in counts))
    return 0


def _cell(values: list[float]) -> str:
    mean, absolute = sum(values) / len(values), sum(map(abs, values)) / len(values)
    return f"{mean * 100:+.1f} % ({absolute * 100:.1f} %)".rjust(24)


if __name__ == "__main__":
    sys.exit(main())
