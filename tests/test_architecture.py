"""The house as a test: who imports whom, which files touch the world, and which words and habits stay out.

`EDGES` is the one list of files that may touch network, clock, randomness, environment, disk, terminal or processes,
each with exactly what it touches: a file that starts touching more fails, and so does an entry that is no longer true.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("schemas", "rules", "providers", "engine")

# Package -> the project's packages it may import.
MAY_IMPORT = {
    "schemas": {"schemas"},
    "rules": {"rules", "schemas"},
    "providers": {"providers", "schemas"},
    "engine": {"engine", "providers", "rules", "schemas"},
}

EDGES: dict[str, set[str]] = {
    # the command line
    "engine/cli/__init__.py": {"disk", "terminal"},
    "engine/cli/ask.py": {"environment", "network"},
    "engine/cli/audit.py": {"clock", "disk", "terminal"},
    "engine/cli/client_credentials.py": {"environment"},
    "engine/cli/built_from.py": {"environment", "terminal"},
    "engine/cli/code.py": {"disk", "environment", "processes", "terminal"},
    "engine/cli/commands.py": {"environment"},
    "engine/cli/configured.py": {"disk", "environment"},
    "engine/cli/crash.py": {"disk"},
    "engine/cli/doctor.py": {"clock", "environment", "loop", "terminal"},
    "engine/cli/doctor_environment.py": {"disk", "network"},
    "engine/cli/env.py": {"environment"},
    "engine/cli/explain.py": {"environment", "terminal"},
    "engine/cli/folders.py": {"disk"},
    "engine/cli/following.py": {"loop", "network"},
    "engine/cli/import_.py": {"disk"},
    "engine/cli/init.py": {"disk"},
    "engine/cli/keys.py": {"clock", "disk", "environment", "randomness"},
    "engine/cli/log_folder.py": {"disk", "environment"},
    "engine/cli/logs.py": {"clock", "disk", "terminal"},
    "engine/cli/packaged.py": {"disk"},
    "engine/cli/pid_file.py": {"disk", "processes"},
    "engine/cli/request_files.py": {"disk", "terminal"},
    "engine/cli/replay.py": {"clock", "network"},
    "engine/cli/preparing.py": {"disk", "environment"},
    "engine/cli/reload.py": {"clock", "processes"},
    "engine/cli/rewriting.py": {"disk"},
    "engine/cli/secrets.py": {"disk", "environment", "terminal"},
    "engine/cli/starting.py": {"clock", "disk", "processes", "terminal"},
    "engine/cli/stop.py": {"clock", "processes"},
    "engine/cli/test_config.py": {"clock", "disk", "environment", "terminal"},
    "engine/cli/top.py": {"clock", "disk", "environment", "processes", "terminal"},
    "engine/cli/trust.py": {"disk"},
    "engine/cli/trust_store.py": {"disk"},
    "engine/cli/usage.py": {"clock"},
    # the process, its files and its clock
    "engine/audit/files.py": {"disk"},
    "engine/audit/log.py": {"loop"},
    "engine/configuration/files.py": {"disk", "terminal"},
    "engine/http/channel.py": {"network"},
    "engine/http/guarded.py": {"loop", "network"},
    "engine/http/listener.py": {"network"},
    "engine/log/journal.py": {"clock", "disk", "loop", "terminal"},
    "engine/process/ending.py": {"loop", "network", "processes"},
    "engine/process/last_resort.py": {"loop"},
    "engine/lifecycle.py": {"clock", "disk", "environment", "loop", "network", "processes", "terminal"},
    "engine/log/files.py": {"disk"},
    "engine/http/open_files.py": {"processes"},
    "engine/process/redis_state.py": {"loop", "network", "randomness"},
    "engine/process/reload.py": {"disk", "loop"},
    "engine/process/renewal.py": {"loop", "network"},
    "engine/router.py": {"randomness"},
    "engine/configuration/secret_keys.py": {"disk"},
    "engine/own_thread.py": {"loop"},
    "engine/process/outgoing.py": {"clock", "environment", "loop"},
    "engine/saving/replaying.py": {"clock", "loop"},
    "engine/saving/saver.py": {"disk", "loop"},
    "engine/http/tls.py": {"network"},
    "engine/http/server.py": {"clock", "loop", "network"},
    "engine/process/siblings.py": {"disk", "loop", "processes"},
    "engine/telemetry/exporter.py": {"environment", "loop", "network"},
    "engine/usage/leftovers.py": {"disk", "randomness"},
    "engine/usage/drivers.py": {"disk", "network"},
    "engine/usage/store.py": {"disk", "randomness"},
    "engine/usage/writer.py": {"loop"},
    "engine/process/workers.py": {"clock", "disk", "network", "processes", "terminal"},
    # the exchange: the one loop that awaits, from the socket to the upstream
    "engine/admitting.py": {"loop"},
    "engine/answers.py": {"loop"},
    "engine/app.py": {"loop"},
    "engine/http/asgi.py": {"loop"},
    "engine/limits/counts.py": {"loop", "network"},
    "engine/doctor/client_files.py": {"disk", "processes"},
    "engine/doctor/providers.py": {"loop"},
    "engine/access/door.py": {"loop", "randomness"},
    "engine/endpoints.py": {"loop"},
    "engine/exchange.py": {"loop"},
    "engine/explaining/explainer.py": {"loop"},
    "engine/http/front.py": {"loop"},
    "engine/live/page.py": {"disk"},
    "engine/limits/limiter.py": {"loop"},
    "engine/http/pinger.py": {"loop"},
    "engine/process/probing.py": {"loop"},
    "engine/live/watching.py": {"loop"},
    # upstreams
    "providers/aws/signing.py": {"loop"},
    "providers/aws/token_database.py": {"disk"},
    "providers/aws/token_stores.py": {"disk"},
    "providers/aws/tokens.py": {"disk", "loop"},
    "providers/connection.py": {"loop"},
    "providers/credentials.py": {"disk", "loop"},
    "providers/probe.py": {"loop"},
    "providers/proxied.py": {"loop", "network"},
    "providers/static_upstream.py": {"loop"},
    "providers/tls.py": {"disk", "network"},
    "providers/transport.py": {"environment", "loop", "network"},
    "providers/upstream.py": {"loop"},
    # data that ships with the program
    "schemas/packaged.py": {"disk"},
    "schemas/pages.py": {"disk"},
}

# Module -> what importing it touches. `os`, `sys`, `datetime` and `random` are judged by the attribute used.
WORLD_MODULES = {
    "aiohttp": "network",
    "http.client": "network",
    "http.server": "network",
    "httpx": "network",
    "httpx_aiohttp": "network",
    "psycopg": "network",
    "limits.aio.storage": "network",
    "redis": "network",
    "resource": "processes",
    "opentelemetry.exporter": "network",
    "socket": "network",
    "ssl": "network",
    "urllib.request": "network",
    "uvicorn": "network",
    "uvloop": "loop",
    "asyncio": "loop",
    "anyio": "loop",
    "concurrent.futures": "loop",
    "threading": "loop",
    "secrets": "randomness",
    "fcntl": "disk",
    "importlib.resources": "disk",
    "pkgutil": "disk",
    "shutil": "disk",
    "sqlite3": "disk",
    "tempfile": "disk",
    "setproctitle": "processes",
    "signal": "processes",
    "subprocess": "processes",
}
WORLD_NAMES = {
    "os.environ": "environment",
    "os.getenv": "environment",
    "os.kill": "processes",
    "os.getpid": "processes",
    "os.open": "disk",
    "os.write": "disk",
    "os.read": "disk",
    "os.fsync": "disk",
    "os.replace": "disk",
    "pathlib.Path": "disk",
    "sys.argv": "terminal",
    "sys.stdin": "terminal",
    "sys.stdout": "terminal",
    "sys.stderr": "terminal",
    "os.execve": "processes",
    "os.stat": "disk",
    "os.scandir": "disk",
    "time.time": "clock",
    "time.time_ns": "clock",
    "time.monotonic": "clock",
    "time.monotonic_ns": "clock",
    "time.perf_counter": "clock",
    "time.localtime": "clock",
    "time.sleep": "clock",
    "uuid.uuid1": "randomness",
    "uuid.uuid4": "randomness",
    "datetime.datetime.now": "clock",
    "datetime.datetime.utcnow": "clock",
    "datetime.date.today": "clock",
    "random.random": "randomness",
    "random.choice": "randomness",
    "random.uniform": "randomness",
    "random.choices": "randomness",
    "random.randrange": "randomness",
    "random.randint": "randomness",
    "random.SystemRandom": "randomness",
}
BUILTIN_WORLD = {"open": "disk", "input": "terminal", "print": "terminal"}

# The three places where `except Exception` may stand: the command line's frame, the exchange's, and the evaluation of a
# rule, by the plain walk and by the fast one, which hands over to the plain one.
CATCH_ALL = {"engine/cli/__init__.py": 1, "engine/http/front.py": 1, "rules/evaluate.py": 1, "rules/fast.py": 1}

BANNED_WORDS = {"manager", "helper", "helpers", "util", "utils", "processor", "service", "context", "info"}
# Terms of the domain or of a library that contain a banned word.
KNOWN_TERMS = ("context_window", "context_usage", "ContextUsage", "long_context", "longcontext", "INFO", "ContextVar")

MUTATORS = {"append", "add", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update", "discard"}

MAX_LINES = 400
USUAL_LINES = 300


@dataclass(frozen=True)
class Source:
    """One parsed file of the product."""

    name: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.split("/", 1)[0]

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file that the wheel holds."""
    files = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    texts = [(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in files]
    return tuple(Source(name, text, ast.parse(text, name)) for name, text in texts)


def outside_type_checking(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from outside_type_checking(node)


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(local name, full dotted name) of everything imported at run time."""
    for node in outside_type_checking(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield (alias.asname or alias.name.split(".")[0]), alias.name
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for alias in names:
                    yield (alias.asname or alias.name), f"{module}.{alias.name}"
            case ast.ImportFrom(level=int(level)) if level:
                raise AssertionError("imports name the whole module, never `.`")


def dotted(node: ast.AST, known: dict[str, str]) -> str | None:
    """`os.environ` of such an attribute chain, with imported names written out."""
    match node:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(value=value, attr=attr):
            before = dotted(value, known)
            return f"{before}.{attr}" if before else None
        case _:
            return None


def touched(source: Source) -> set[str]:
    """What of the world this file can reach by itself."""
    known = {}
    kinds: set[str] = set()
    own = {name for name in named_in(source) if name in BUILTIN_WORLD}
    for local, full in imported(source.tree):
        top = full.split(".")[0]
        known[local] = full if local != top else top
        kinds |= {kind for module, kind in WORLD_MODULES.items() if full == module or full.startswith(module + ".")}
    for node in outside_type_checking(source.tree):
        name = dotted(node, known)
        if name in WORLD_NAMES:
            kinds.add(WORLD_NAMES[name])
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in BUILTIN_WORLD.keys() - own
        ):
            kinds.add(BUILTIN_WORLD[node.func.id])
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            kinds.add("loop")
    return kinds


def test_imports_go_one_way() -> None:
    """schemas below rules and providers, which do not know each other; engine on top."""
    wrong = {
        source.name: foreign
        for source in sources()
        if (
            foreign := ({full.split(".")[0] for _, full in imported(source.tree)} & set(PACKAGES))
            - MAY_IMPORT[source.package]
        )
    }

    assert wrong == {}


def test_no_imports_in_a_circle() -> None:
    """Modules can be read, and loaded, from the bottom up."""
    names = {source.module for source in sources()}
    graph: dict[str, set[str]] = {}
    for source in sources():
        wanted = {full if full in names else full.rpartition(".")[0] for _, full in imported(source.tree)}
        graph[source.module] = (wanted & names) - {source.module}

    assert in_a_circle(graph) == set()


@pytest.mark.parametrize("package", ["engine", "rules"])
def test_folders_import_no_circle(package: str) -> None:
    """The folders of a package build on each other one way, whatever the files above them put together."""
    graph: dict[str, set[str]] = {}
    for source in sources():
        if source.name.startswith(f"{package}/") and source.name.count("/") > 1:
            folder = source.name.split("/")[1]
            wanted = {full.split(".")[1] for _, full in imported(source.tree) if full.startswith(f"{package}.")}
            graph[folder] = graph.get(folder, set()) | wanted - {folder}

    assert in_a_circle(graph) == set()


def in_a_circle(graph: dict[str, set[str]]) -> set[str]:
    """Who imports itself by way of others, or somebody that does."""
    left = dict(graph)
    while ready := [name for name, wanted in left.items() if not wanted & left.keys()]:
        for name in ready:
            del left[name]
    return set(left)


def test_only_edges_touch_the_world() -> None:
    """Everything but the listed edges is pure, and the list says exactly what each edge touches."""
    reached = {source.name: kinds for source in sources() if (kinds := touched(source))}

    assert reached == EDGES


def test_failures_are_caught_by_name() -> None:
    """`except Exception` stands in three places only; what else catches everything raises it again."""
    found = {source.name: count for source in sources() if (count := sum(map(catches_all, ast.walk(source.tree))))}

    assert found == CATCH_ALL


def catches_all(node: ast.AST) -> bool:
    """Whether a handler takes every exception and keeps it."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    everything = node.type is None or (
        isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
    )
    again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
    return everything and not again


def test_names_say_what_things_are() -> None:
    """No file, class, function or argument is named with a word that says nothing."""
    empty = {f"{source.name}: {name}" for source in sources() for name in named_in(source) if says_nothing(name)}

    assert empty == set()


def named_in(source: Source) -> Iterator[str]:
    """The names that a file gives."""
    yield Path(source.name).stem
    for node in ast.walk(source.tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name


def says_nothing(name: str) -> bool:
    """Whether one of the words in a name is banned."""
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}
    return bool(words & BANNED_WORDS) and not any(term in name for term in KNOWN_TERMS)


def test_modules_hold_no_state() -> None:
    """What a module binds at its top is never changed afterwards: no `global`, no growing tables."""
    changed = {source.name: names for source in sources() if (names := changed_at_run_time(source.tree))}

    assert changed == {}


def changed_at_run_time(tree: ast.Module) -> set[str]:
    """Names bound at a module's top that its functions change."""
    tables = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    changed: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Global(names=names):
                changed |= set(names)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                changed |= {name} & tables
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in MUTATORS:
                changed |= {name} & tables
    return changed


def test_files_are_small() -> None:
    """Most files are under 300 lines and none is beyond reading in one sitting."""
    sizes = {source.name: source.text.count("\n") for source in sources()}
    long = {name: lines for name, lines in sorted(sizes.items(), key=lambda row: -row[1]) if lines > USUAL_LINES}
    report = ", ".join(f"{name} {lines}" for name, lines in long.items())

    assert max(sizes.values()) <= MAX_LINES, report
    assert len(long) <= len(sizes) // 10, report
