"""What stands in several files of the repository is the same in all of them."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOX = PYPROJECT["tool"]["tox"]
PACKAGE = (ROOT / ".ci/package").read_text(encoding="utf-8")
WORKFLOWS = {file.name: yaml.safe_load(file.read_text(encoding="utf-8")) for file in (GITHUB / "workflows").iterdir()}
CI = WORKFLOWS["ci.yml"]
CONTRIBUTING = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")

VERSIONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PYPROJECT["project"]["classifiers"]))


def environment(version: str) -> str:
    return f"py{version.replace('.', '')}"


def test_tox_runs_the_suite_on_every_version_of_the_classifiers() -> None:
    assert [name for name in TOX["env_list"] if re.fullmatch(r"py\d+", name)] == [environment(it) for it in VERSIONS]
    assert PYPROJECT["project"]["requires-python"] == f">={VERSIONS[0]}"


def test_github_runs_the_suite_on_every_version_of_the_classifiers() -> None:
    rows = CI["jobs"]["tests"]["strategy"]["matrix"]["include"]

    assert [row["python"] for row in rows if row["os"] == "ubuntu-latest"] == VERSIONS
    assert all(row["environment"] == environment(row["python"]) for row in rows)


def test_the_wheel_is_installed_on_every_version_of_the_classifiers() -> None:
    assert f"for version in {' '.join(VERSIONS)};" in PACKAGE


def test_every_environment_that_is_run_anywhere_is_defined() -> None:
    defined = {*TOX["env"], *map(environment, VERSIONS)}
    steps = [str(step.get("run")) for job in WORKFLOWS["release.yml"]["jobs"].values() for step in job["steps"]]
    named = re.findall(r"tox run -e ([\w,]+)", "\n".join([CONTRIBUTING, *steps]))

    assert set(TOX["env_list"]) <= defined
    assert set(TOX["labels"]["checks"]) <= defined
    assert named
    assert {name for names in named for name in names.split(",")} <= defined


def test_the_guide_and_the_contract_of_the_sandbox_name_every_file_of_the_ground_floor() -> None:
    one_way, sandbox, *_ = PYPROJECT["tool"]["importlinter"]["contracts"]
    ground_floor = one_way["layers"][-1].split(" : ")

    assert {f"reconcile.{name}" for name in ground_floor} <= set(sandbox["forbidden_modules"])
    assert [name for name in ground_floor if f"`reconcile/{name}.py`" not in CONTRIBUTING] == []


def test_workflows_can_only_read_unless_a_job_says_more_and_all_actions_are_pinned_by_commit() -> None:
    files = [GITHUB / "workflows", GITHUB / "actions", ROOT / "examples"]
    used = [it for file in files for path in file.rglob("*.yml") for it in re.findall(r"uses: (\S+)", path.read_text())]
    others = [it for it in used if it != "OWNER/reconcile/.github/actions/reconcile@COMMIT"]

    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    assert len(others) > len(files)
    assert [it for it in others if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", it)] == []


def test_nothing_that_is_not_published_is_installed_where_a_token_is() -> None:
    """Whoever registers such a name would get a token that deletes everything: a placeholder fails instead."""
    files = [path for folder in ("examples", "reconcile/help") for path in (ROOT / folder).rglob("*") if path.is_file()]
    unpublished = re.compile(r"vps-reconcile(?:\[\w+\])?==|(?:install|uvx|--from) '?vps-reconcile")
    owner = re.compile(r"(?:github\.com/|githubusercontent\.com/|uses: )([\w-]+)/reconcile\b")

    for file in (*files, ROOT / "README.md"):
        text = file.read_text(encoding="utf-8")
        assert not unpublished.search(text), file
        assert set(owner.findall(text)) <= {"OWNER"}, file
        assert not re.search(
            r"OWNER/reconcile/(?:archive/)?(?!archive|COMMIT|\.github/actions/reconcile@COMMIT)", text
        ), file


def test_only_the_job_that_publishes_may_and_it_runs_nothing_of_the_repository() -> None:
    jobs = WORKFLOWS["release.yml"]["jobs"]

    assert [name for name, job in jobs.items() if "environment" in job] == ["publish"]
    assert [step for step in jobs["publish"]["steps"] if "run" in step or "checkout" in step["uses"]] == []


def test_every_relative_link_of_the_readme_is_absolute_on_the_package_index() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for substitution in hook["substitutions"]:
        readme = re.sub(substitution["pattern"], substitution["replacement"], readme)

    links = re.findall(r'\]\(([^)]*)\)|(?:src|srcset)="([^"]*)"', readme)
    assert len(links) > 10
    assert [link for link in links if not "".join(link).startswith("https://")] == []


def test_every_file_that_contributors_are_pointed_to_exists() -> None:
    for document in [*GITHUB.glob("*.md"), *GITHUB.glob("decisions/*.md")]:
        text = document.read_text(encoding="utf-8")
        paths = [ROOT / it for it in re.findall(r"`((?:reconcile|tests|examples)/[\w/.]*)`", text)]
        links = [document.parent / it for it in re.findall(r"\]\(([^)#:]+)\)", text)]

        assert [it for it in [*paths, *links] if not it.exists()] == [], document


def test_the_decisions_are_numbered_and_listed() -> None:
    decisions = sorted(it.name for it in (GITHUB / "decisions").glob("[0-9]*.md"))

    assert [it[:4] for it in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    assert (
        re.findall(r"\]\((\d[\w-]+\.md)\)", (GITHUB / "decisions/README.md").read_text(encoding="utf-8")) == decisions
    )


@pytest.mark.parametrize(
    ("file", "extras"),
    [(".github/actions/reconcile/constraints.txt", ["socks"]), (".ci/constraints.txt", ["sandbox", "dev"])],
)
def test_every_dependency_is_pinned_to_a_version_that_this_project_allows(file: str, extras: list[str]) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    project = PYPROJECT["project"]
    stated = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    wanted = [Requirement(each) for each in [*stated, *PYPROJECT["build-system"]["requires"]]]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or name == project["name"]:
            continue
        seen.add(name)
        assert name in pins, requirement
        assert pins[name] in requirement.specifier, requirement
        try:
            if importlib.metadata.version(name) != pins[name]:  # a newer one may need other versions of others
                continue
            beneath = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # the build's own are not installed here
            continue
        wanted += [each for each in map(Requirement, beneath) if not each.marker or each.marker.evaluate({"extra": ""})]
