"""What users see of proofs: test-config with tests, invariants and coverage, `ccr diff`, `ccr gen-tests`."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from engine.cli.commands import ccr

ROOT = Path(__file__).parents[3]
OLD = """\
providers:
  here: {type: static}
  there: {type: static}
routing:
  defaultProvider: here
  explicitModels: false
  customRules:
    - name: opus streamed
      condition: {model: {contains: opus}, stream: true}
      target: there,m
    - name: opus in batches
      condition: {model: {contains: opus}, stream: false}
      target: here,n
"""
SHADOWED = (
    OLD
    + """\
    - name: opus with tools
      condition: {model: {contains: opus}, toolCount: "> 3", path: messages}
      target: there,o
"""
)
CHECKS = """\
tests:
  - {name: one, request: {model: claude-opus-4, stream: true}, expect: {provider: there}}
  - todo: pictures
invariants:
  - {name: only these, then: {provider: [here, there]}}
  - {name: opus stays, when: {model: {prefix: claude-opus}}, then: {provider: here}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configurations, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(OLD.replace("target: here,n", "target: there,n"))
    (tmp_path / "shadowed.yaml").write_text(SHADOWED)
    (tmp_path / "checks.yaml").write_text(OLD + CHECKS)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(ccr, words)


ELSEWHERE = [
    ("CCR101", "debug: {logLevl: info}\n"),
    ("CCR103", "server: {port: high}\n"),
    ("CCR806", "server: {host: 0.0.0.0}\n"),
    ("CCR103", "audit: 3\n"),
    ("CCR017", 'usage: {store: "${NOWHERE}"}\n'),
    ("CCR101", "tests: [{name: a, request: {}, expct: {rule: x}}]\n"),
    ("CCR202", "invariants: [{name: a, when: {stream: 3}, never: {model: m}}, {name: b, never: {model: m}}]\n"),
    ("CCR106", "endpoint"),
    ("CCR804", "http"),
]


@pytest.mark.parametrize(("code", "text"), ELSEWHERE)
def test_a_mistake_elsewhere_hides_no_proof(folder: Path, code: str, text: str) -> None:
    """What says nothing of where requests go may be wrong: rules are proved, tests run and invariants decided all the same."""
    endpoint = {"endpoint": "nothing", "http": "http://llm.example.com/v1"}.get(text)
    config = SHADOWED + CHECKS if "tests" not in text and "invariants" not in text else SHADOWED
    if endpoint is None:
        config += text
    else:
        config = config.replace("here: {type: static}", f"here: {{type: openai, endpoint: '{endpoint}'}}")
    (folder / "ccr.yaml").write_text(config)

    report = json.loads(run("test-config", "ccr.yaml", "--format", "json").stdout)

    found = [one["code"] for one in report["findings"]]
    assert {code, "CCR302"} <= set(found)
    if "invariants" in text:
        assert [(one["name"], one["status"]) for one in report["invariants"]] == [("b", "refuted")]
    elif "tests" not in text:
        assert report["tests"] == {"passed": 1, "failed": 0, "todo": 1}
        assert [one["status"] for one in report["invariants"]] == ["proved", "refuted"]
    assert len(found) == len({(one["code"], one["line"], one["column"]) for one in report["findings"]})


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("tests: [{name: a, request: {}, expct: {rule: x}}]\n", ["CCR101"]),
        ("tests: [{name: a, request: {}}]\n", ["CCR701"]),
        ("invariants: [{name: a, nver: {model: m}}]\n", ["CCR101"]),
        ("invariants: [{name: a}]\n", ["CCR102"]),
    ],
)
def test_a_misspelt_key_is_one_finding(folder: Path, text: str, codes: list[str]) -> None:
    """What is missing because of it is not said as well."""
    (folder / "ccr.yaml").write_text(OLD + text)

    report = json.loads(run("test-config", "ccr.yaml", "--format", "json").stdout)
    assert [one["code"] for one in report["findings"]] == codes


@pytest.mark.parametrize("text", ["conditions: {a: {modle: x}}\n", "budgets: {b: {monee: 3}}\n", "conditons: {}\n"])
def test_nothing_is_proved_of_rules_that_are_not_known(folder: Path, text: str) -> None:
    """A mistake in what conditions speak of would make every proof a guess."""
    (folder / "ccr.yaml").write_text(SHADOWED + text)

    assert "CCR302" not in run("test-config", "ccr.yaml").stdout


def test_safe_fixes_are_proved_though_something_else_blocks(folder: Path) -> None:
    """What changes nothing goes, and the file still does not start."""
    text = OLD.replace("stream: false}", "stream: false, toolCount: 0}") + "debug: {logLevl: info}\n"
    (folder / "ccr.yaml").write_text(text.replace("toolCount: 0", "hasTools: false, toolCount: 0"))

    assert run("test-config", "ccr.yaml", "--fix").exit_code == 1
    assert (folder / "ccr.yaml").read_text() == text


def test_a_shadowed_rule_is_shown_with_all_that_shadow_it() -> None:
    """The rule, who is before it, a request that shows it, what to do."""
    result = run("test-config", "shadowed.yaml")
    assert result.exit_code == 1
    assert result.stdout.startswith(
        """\
error[CCR302]: rule `opus with tools` can never be reached
  --> shadowed.yaml:14:13
   |
 8 |     - name: opus streamed
   |             ------------- takes requests with model contains opus and stream is true
11 |     - name: opus in batches
   |             --------------- and with model contains opus and stream is false
14 |     - name: opus with tools
   |             ^^^^^^^^^^^^^^^
   = proof request: model=opus, toolCount=4, stream=false  ->  opus in batches
   = help: move `opus with tools` above line 8
"""
    )


def test_a_name_in_an_expectation_that_does_not_exist_is_said(folder: Path) -> None:
    """With the one that was meant: of providers, rules and categories."""
    (folder / "meant.yaml").write_text(
        OLD
        + """\
tests:
  - {name: one, request: {model: claude-opus-4, stream: true}, expect: {provider: ther}}
  - {name: two, request: {model: claude-opus-4, stream: true}, expect: {rule: opus stream}}
  - {name: three, request: {model: gpt}, expect: {category: defualt}}
"""
    )
    printed = run("test-config", "meant.yaml").stdout
    assert "= help: there is no provider `ther`; did you mean `there`?" in printed
    assert "= help: there is no rule `opus stream`; did you mean `opus streamed`?" in printed
    assert "= help: there is no category `defualt`; did you mean `default`?" in printed


def test_json_has_witnesses_tests_and_invariants() -> None:
    """As the published schema says, the witness an envelope that `explain` reads."""
    result = run("test-config", "shadowed.yaml", "checks.yaml", "--coverage", "--format", "json")
    report = json.loads(result.stdout)
    jsonschema.validate(report, json.loads((ROOT / "schemas" / "report.schema.json").read_text()))
    finding = next(one for one in report["findings"] if one["code"] == "CCR302")
    assert finding["blockers"] == ["opus streamed", "opus in batches"]
    assert set(finding["witness"]) >= {"request", "headers", "decision"}
    assert report["tests"] == {"passed": 1, "failed": 0, "todo": 1}
    assert [(one["name"], one["status"]) for one in report["invariants"]] == [
        ("only these", "proved"),
        ("opus stays", "refuted"),
    ]
    assert report["invariants"][1]["witness"]["decision"]["provider"] == "there"
    assert report["summary"]["unreplayed"] == 0
    assert report["coverage"][1]["missed"] == ["opus in batches"]


def test_a_closing_line_counts_tests_invariants_and_coverage() -> None:
    """And too little coverage fails."""
    closing = run("test-config", "checks.yaml", "--coverage").stdout.splitlines()[-1]
    assert "; 1/1 tests (1 to do), 1/2 invariants proved, 30 % covered; " in closing
    (Path("fine.yaml")).write_text(OLD + CHECKS[: CHECKS.index("invariants")])
    assert run("test-config", "fine.yaml", "--fail-under", "20").exit_code == 0
    assert run("test-config", "fine.yaml", "--fail-under", "60").exit_code == 1
    assert "0/0" not in run("test-config", "fine.yaml", "--run", "nothing").stdout


def test_tests_come_from_files_too() -> None:
    """Named in the configuration or on the command line."""
    Path("more.yaml").write_text("- {name: two, request: {model: gpt}, expect: {provider: there}}\n")
    result = run("test-config", "old.yaml", "--tests", "more.yaml")
    assert result.exit_code == 1
    assert "test `two` fails: expected provider `there`, got `here`" in result.stdout
    Path("named.yaml").write_text(OLD + "tests: {file: more.yaml}\n")
    assert "test `two` fails" in run("test-config", "named.yaml").stdout


def test_tests_and_invariants_are_read_where_something_else_is_wrong() -> None:
    """What can be said of them as they are written is said in the same run, and nothing twice."""
    Path("wrong.yaml").write_text(
        OLD
        + "debug: {logLevel: loud}\n"
        + "conditions: {a: {effort: huge}}\n"
        + "tests:\n  - {name: one, request: {mdoel: x}, expect: {provider: here}}\n"
        + "  - {name: two, request: {model: 5}, expect: {prvider: here}}\n"
        + "invariants:\n  - {name: i, when: {modle: x}, then: {provider: here}}\n"
        + "  - {name: j, when: {ref: a}}\n"
        + "  - {name: k, then: {}}\n"
    )
    report = json.loads(run("test-config", "wrong.yaml", "--format", "json").stdout)
    assert [(one["code"], one["line"], one["column"]) for one in report["findings"]] == [
        ("CCR104", 14, 19),
        ("CCR204", 15, 26),
        ("CCR701", 17, 27),
        ("CCR701", 18, 34),
        ("CCR101", 18, 47),
        ("CCR201", 20, 22),
        ("CCR102", 21, 12),
        ("CCR102", 22, 21),
    ]
    assert report["tests"] == {"passed": 0, "failed": 0, "todo": 0}


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("- {name: two, requst: {model: gpt}, expect: {provider: here}}\n", "CCR101", "unknown key `requst` in `tests[0]`"),
        ("test: []\n", "CCR103", "a file of tests is a list, or has one under `tests`"),
        ("tests: {file: more.yaml}\n", "CCR103", "a file of tests is a list, or has one under `tests`"),
        ("- {name: a]\n", "CCR004", ""),
    ],
)  # fmt: skip
def test_a_file_of_tests_is_judged_as_the_section_is(text: str, code: str, said: str) -> None:
    """A file without any test must not look like tests that pass; its own lines are shown."""
    Path("more.yaml").write_text(text)
    result = run("test-config", "old.yaml", "--tests", "more.yaml")
    assert result.exit_code == (3 if code == "CCR004" else 1)
    assert f"error[{code}]: {said}" in result.stdout
    assert f"1 | {text.rstrip()}" in result.stdout


def test_a_witness_names_the_model_that_is_sent() -> None:
    """That of the target, else of its provider, else the client's own."""
    Path("models.yaml").write_text(
        "providers: {here: {type: static, settings: {models: [m, n], defaultModel: n}}, open: {type: static}}\n"
        "routing: {rules: {default: {provider: here}, background: {provider: open}}, explicitModels: false}\n"
        "invariants:\n  - {never: {provider: here}}\n  - {when: {requestClass: auxiliary}, never: {provider: open}}\n"
    )
    report = json.loads(run("test-config", "models.yaml", "--format", "json").stdout)
    decisions = [one["witness"]["decision"] for one in report["invariants"]]
    assert [(one["provider"], one["model"]) for one in decisions] == [("here", "n"), ("open", "claude-sonnet-4")]


@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("then: {model: {regex: '^[ab]'}}", "refuted"),
        ("then: {model: {regex: '^ *[ab]'}}", "refuted"),
        ("then: {model: {contains: a}}", "refuted"),
        ("never: {model: {contains: ','}}", "refuted"),
        ("never: {model: {regex: '^.{3}$'}}", "refuted"),
        ("then: {model: {regex: '[^ ]'}}", "proved"),
        ("never: {model: ''}", "proved"),
        ("never: {model: {prefix: ' '}}", "proved"),
        ("never: {model: {regex: 'a.{18}b'}}", "not-proven"),
    ],
)
def test_a_client_may_choose_any_model_of_a_provider_that_lists_none(then: str, status: str) -> None:
    """Every text is such a name that is not empty and has no blank around it; nothing is proved with some of them only."""
    Path("open.yaml").write_text(
        "providers: {open: {type: openai, endpoint: 'http://127.0.0.1:1'}}\n"
        "routing: {defaultProvider: open, rules: {default: 'open,a', search: 'open,a', longcontext: 'open,a',"
        " background: 'open,a', thinking: 'open,a'}}\n"
        f"invariants: [{{{then}}}]\n"
    )
    report = json.loads(run("test-config", "open.yaml", "--format", "json").stdout)
    assert [one["status"] for one in report["invariants"]] == [status]


def test_generated_tests_can_be_read_back_whatever_is_in_them() -> None:
    """Control characters, letters of other scripts, a rule that needs the time: what is printed runs, and all of it passes."""
    rules = """\
    - {name: night shift, condition: {time: {between: "22:00-06:00"}}, target: "there,m"}
    - {name: "bell \\U0001F514", condition: {header.x-a: {regex: "^[\\x7f-\\x9f]+$"}}, target: "there,m"}
    - {name: "straße", condition: {model: "größe"}, target: "there,m"}
"""
    Path("odd.yaml").write_text(OLD + rules, encoding="utf-8")
    made = run("gen-tests", "odd.yaml")
    assert made.exit_code == 0
    Path("made.yaml").write_text(made.stdout, encoding="utf-8")
    result = run("test-config", "odd.yaml", "--tests", "made.yaml", "--fail-under", "90")
    assert result.exit_code == 0, result.stdout
    assert 'name: "straße is reached"' in made.stdout


def test_diff_proves_that_nothing_changes_or_shows_what_does() -> None:
    """Both ways, in every form."""
    same = run("diff", "old.yaml", "old.yaml", "--fail-on", "any")
    assert (same.exit_code, same.stdout) == (0, "no behavioural change (proved for all requests)\n")
    changed = run("diff", "old.yaml", "new.yaml", "--fail-on", "any")
    assert changed.exit_code == 1
    assert changed.stdout == (
        "here,n by opus in batches  ->  there,n by opus in batches\n    where model contains opus and stream is false\n"
        "    such as model=opus, stream=false\n"
        "1 class of requests goes elsewhere\n"
    )
    report = json.loads(run("diff", "old.yaml", "new.yaml", "--format", "json").stdout)
    assert report["equivalent"] is False
    assert report["changes"][0]["region"] == "model contains opus and stream is false"
    assert report["changes"][0]["new"] == {"rule": "opus in batches", "provider": "there", "model": "n"}
    assert run("diff", "old.yaml", "new.yaml", "--format", "md").stdout == (
        "**1 class of requests goes elsewhere**\n\n| requests | such as | was | is |\n|---|---|---|---|\n"
        "| model contains opus and stream is false | model=opus, stream=false | here,n by opus in batches | there,n by opus in batches |\n"
    )


def test_diff_sees_what_a_condition_blocks() -> None:
    """A filter that blocks by its condition alone is one more outcome: who is refused by it now is shown."""
    filters = "filters: [{name: shut, action: block, condition: {model: gpt}}]\n"
    Path("shut.yaml").write_text(OLD + filters)
    Path("gpt.json").write_text(json.dumps({"model": "gpt", "max_tokens": 5, "messages": []}))
    done = run("diff", "old.yaml", "shut.yaml", "--requests", "gpt.json", "--fail-on", "any")
    report = json.loads(run("diff", "old.yaml", "shut.yaml", "--format", "json").stdout)

    assert (done.exit_code, report["equivalent"], report["proved"]) == (1, False, True)
    assert {one["new"]["rule"] for one in report["changes"]} == {"shut"}
    assert all("model is gpt" in one["region"] for one in report["changes"])
    assert "here by default  ->  refused by shut\n" in done.stdout
    assert done.stdout.endswith("replayed 1 request: 1 goes elsewhere\n1 from here to refused\n")
    assert json.loads(run("diff", "shut.yaml", "shut.yaml", "--format", "json").stdout)["equivalent"] is True


def test_diff_never_proves_past_patterns_of_filters() -> None:
    """They are replayed; that nothing changes for all requests is not said where they differ."""
    filters = "filters: [{name: shut, action: block, patterns: [{regex: 'ACME-[0-9]+'}]}]\n"
    Path("shut.yaml").write_text(OLD + filters)
    body = {"model": "gpt", "max_tokens": 5, "messages": [{"role": "user", "content": "ACME-1"}]}
    Path("gpt.json").write_text(json.dumps(body))
    done = run("diff", "old.yaml", "shut.yaml", "--requests", "gpt.json", "--fail-on", "unproven")
    report = json.loads(run("diff", "old.yaml", "shut.yaml", "--format", "json").stdout)

    assert (done.exit_code, report["equivalent"], report["proved"], report["changes"]) == (1, False, False, [])
    assert done.stdout == (
        "rules and conditions of filters send all requests as before; "
        "the filters differ, and what patterns of theirs find, and their tags, is not compared\n"
        "replayed 1 request: 1 goes elsewhere\n1 from here to refused\n"
    )
    assert json.loads(run("diff", "shut.yaml", "shut.yaml", "--format", "json").stdout)["equivalent"] is True


FILTERED = """\
filters:
  - {name: shut, action: block, condition: {model: {prefix: gpt}}, message: no}
  - {name: inner, action: tag, condition: {systemText: {contains: internal}}}
  - {name: keys, action: block, patterns: [private-key]}
providers: {here: {type: static}, there: {type: static}}
routing:
  defaultProvider: here
  explicitModels: false
  customRules:
    - {name: gpt, condition: {model: gpt-5}, target: "there,m"}
    - {name: stays, condition: {tags: {has: inner}}, target: "there,m"}
    - {name: late, condition: {systemText: {contains: "internal!"}}, target: "here,n"}
invariants:
  - {name: no gpt there, when: {model: {prefix: gpt}}, never: {provider: there}}
  - {name: inner stays there, when: {systemText: {contains: internal}}, never: {provider: here}}
  - {name: opus stays here, when: {model: opus}, never: {provider: there}}
"""


def test_proofs_are_about_requests_behind_the_filters(folder: Path) -> None:
    """What a filter blocks reaches no rule, a tag is where its filter gives it, and a proof's request replays with them."""
    (folder / "filtered.yaml").write_text(FILTERED)
    report = json.loads(run("test-config", "filtered.yaml", "--format", "json").stdout)
    found = {(one["code"], one["rule"]): one for one in report["findings"] if one["code"] == "CCR302"}
    assert {key: one["blockers"] for key, one in found.items()} == {
        ("CCR302", "gpt"): ["shut"],
        ("CCR302", "late"): ["stays"],
    }
    assert [one["status"] for one in report["invariants"]] == ["proved", "proved", "refuted"]
    assert report["summary"]["unreplayed"] == 0
    witness = report["invariants"][2]["witness"]
    assert "tags" not in witness
    assert "internal" in witness["request"]["system"]
    (folder / "witness.json").write_text(json.dumps({key: witness[key] for key in witness if key != "decision"}))
    explained = json.loads(run("explain", "--config", "filtered.yaml", "witness.json", "--format", "json").stdout)
    assert explained["decision"]["rule"] == "stays"


@pytest.mark.parametrize(("before", "after", "status"), [(True, False, "proved"), (False, True, "not-proven")])
def test_only_what_is_cut_out_later_hides_a_condition(folder: Path, before: bool, after: bool, status: str) -> None:
    """What a filter reads behind a `redact` the rules read, too; what is cut out behind it they may not see."""
    cut = "  - {name: cut, action: redact, patterns: [secrets]}\n"
    tag = "  - {name: inner, action: tag, condition: {systemText: {contains: internal}}}\n"
    (folder / "cut.yaml").write_text(FILTERED.replace(tag, cut * before + tag + cut.replace("cut", "more") * after))
    report = json.loads(run("test-config", "cut.yaml", "--format", "json").stdout)
    assert report["invariants"][1]["status"] == status


def test_generated_tests_pass_through_filters(folder: Path) -> None:
    """A request that a filter blocks is expected to be blocked."""
    (folder / "filtered.yaml").write_text(FILTERED)
    (folder / "generated.yaml").write_text(run("gen-tests", "--config", "filtered.yaml").stdout)
    assert '"blocked": "shut"' in (folder / "generated.yaml").read_text()
    report = json.loads(run("test-config", "filtered.yaml", "--tests", "generated.yaml", "--format", "json").stdout)
    assert report["tests"]["failed"] == 0
    assert report["tests"]["passed"] >= 3


def test_diff_says_which_requests_it_could_not_replay() -> None:
    """What depends on the time and does not give it is counted apart."""
    night = '    - {name: night, condition: {time: {between: "22:00-06:00"}}, target: "there,m"}\n'
    Path("night.yaml").write_text(OLD + night)
    Path("gpt.json").write_text(json.dumps({"model": "gpt", "max_tokens": 5, "messages": []}))
    report = json.loads(run("diff", "old.yaml", "night.yaml", "--requests", "gpt.json", "--format", "json").stdout)

    assert report["replayed"] == {"requests": 0, "changed": 0, "varying": 1, "moved": []}
    assert "1 more left out" in run("diff", "old.yaml", "night.yaml", "--requests", "gpt.json").stdout


def test_diff_replays_recorded_requests() -> None:
    """Counts from where to where; what is no request is said and left out."""
    folder = Path("requests")
    folder.mkdir()
    body = {"model": "claude-opus-4", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    (folder / "a.json").write_text(json.dumps(body))
    (folder / "b.json").write_text(json.dumps({**body, "model": "gpt"}))
    (folder / "c.json").write_text("{}")
    result = run("diff", "old.yaml", "new.yaml", "--requests", "requests")
    assert result.stdout.endswith("replayed 2 requests: 1 goes elsewhere\n1 from here,n to there,n\n")
    assert "c.json is left out" in result.stderr


def test_generated_tests_pass() -> None:
    """As the section `tests` of the same configuration."""
    made = run("gen-tests", "old.yaml")
    assert made.exit_code == 0
    Path("tested.yaml").write_text(OLD + made.stdout)
    result = run("test-config", "tested.yaml", "--coverage", "--strict")
    assert result.exit_code == 0
    assert "covered" in result.stdout


def test_a_file_that_cannot_be_used_is_said() -> None:
    """With the status of such files."""
    assert run("diff", "old.yaml", "gone.yaml").exit_code == 3
    Path("broken.yaml").write_text("routing: {customRules: 3}\n")
    assert run("diff", "old.yaml", "broken.yaml").exit_code == 1
    assert run("gen-tests", "broken.yaml").exit_code == 1
