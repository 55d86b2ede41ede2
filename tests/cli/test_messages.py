"""What goes wrong is one clear message, for people and for programs, and never shows the token."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.build import entry
from support.command import COMMANDS, TOKEN, Done, Sandbox, run, sandbox
from support.killer import Killer

WITH_JSON = [
    name for name, command in COMMANDS.items() if any("--json" in parameter.opts for parameter in command.params)
]
READING = [
    ["plan"],
    ["status"],
    ["import"],
    ["list"],
    ["init", "--out", "new.toml"],
    ["doctor"],
    ["restore", "web", "--backup", "1", "--auto-approve"],
]
CHANGING = [["apply", "--auto-approve"]]


class TestOneClearMessage:
    def check(self, done: Done, message: str) -> None:
        assert done.returncode == 1
        assert done.stdout == ""
        assert message in done.stderr
        assert done.stderr.count("error:") == 1
        assert len(done.stderr.splitlines()) <= 8

    def test_no_file(self, tmp_path: Path) -> None:
        self.check(run("plan", folder=tmp_path, VPS_API_TOKEN=TOKEN), "backups.toml: no such file")

    def test_no_token(self, service: Sandbox) -> None:
        self.check(run("plan", folder=service.folder, VPS_API_URL=service.url), "no token")

    def test_a_wrong_token(self, service: Sandbox) -> None:
        self.check(service.run("plan", VPS_API_TOKEN="vps_wrong"), "401 Unauthorized: Invalid token.")

    def test_no_service_there(self, service: Sandbox) -> None:
        done = service.run("plan", "--timeout", "3s", VPS_API_URL="http://127.0.0.1:9/api/v1")
        self.check(done, "could not connect")
        assert "use --debug to see which requests take so long" in done.stderr

    def test_another_kind_of_service_there(self, service: Sandbox) -> None:
        self.check(service.run("plan", VPS_API_URL=service.url.removesuffix("/v1")), "404 Not Found")

    def test_plain_http_to_elsewhere(self, service: Sandbox) -> None:
        self.check(service.run("plan", "--base-url", "http://vps.example/api/v1"), "unencrypted")

    @pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "https://xn--/", "https://user:pw@vps.example", "x"])
    def test_a_base_url_that_is_none(self, url: str, service: Sandbox) -> None:
        self.check(service.run("plan", "--base-url", url), "is not a base URL")

    @pytest.mark.parametrize(
        ("environment", "message"),
        [
            ({"ALL_PROXY": "socks://127.0.0.1:1080"}, "ALL_PROXY can't be used: socks:// is not a supported"),
            ({"SSL_CERT_FILE": "missing.pem"}, "SSL_CERT_FILE can't be used: missing.pem: No such file"),
        ],
    )
    def test_a_setting_for_the_network(self, environment: dict[str, str], message: str, service: Sandbox) -> None:
        self.check(service.run("plan", "--base-url", "https://127.8.8.8.example", **environment), message)

    def test_a_target_that_matches_nothing(self, service: Sandbox) -> None:
        self.check(service.run("plan", "--target", "wbe"), "--target 'wbe' matches nothing")

    @pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]"], ids=["deep", "cut", "list"])
    def test_a_broken_configuration_of_the_official_command(self, text: str, service: Sandbox) -> None:
        file = service.folder / "home/.vps/config.json"
        file.parent.mkdir(parents=True)
        file.write_text(text)

        done = run("plan", folder=service.folder, VPS_API_URL=service.url)

        self.check(done, "no token" if text == "[]" else "config.json can't be read: it is not JSON")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (f"[servers.web]\nid = {'9' * 5000}\n", "backups.toml"),
            ('"[key]" = 1\n', 'unknown key "[key]"'),
            ("[servers.web]\nid = 1\nretention = 3\n", "Valid keys"),
            ("[provider]\nx = 1\n", "Valid tables: settings, require, policies, servers, fleets."),
        ],
        ids=["an enormous integer", "a key like a table", "retention", "provider"],
    )
    def test_a_mistake_in_the_file(self, text: str, message: str, service: Sandbox) -> None:
        service.write(text)

        done = service.run("plan")

        self.check(done, message)
        assert "id mean" not in done.stderr

    def test_a_next_page_that_differs_in_scheme_only(self, odd_service: Killer) -> None:
        def https(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
            if request.url.path.endswith("/backups/"):
                page = {**answer.json(), "count": 9, "next": str(request.url.copy_with(scheme="https"))}
                return httpx.Response(200, json=page)
            return answer

        odd_service.answer_instead = https

        self.check(odd_service.run("plan"), f"https://{httpx.URL(odd_service.url).netloc.decode()} instead of http://")

    def test_an_answer_that_is_not_modified(self, odd_service: Killer) -> None:
        odd_service.answer_instead = lambda *_: httpx.Response(304)

        done = odd_service.run("plan", "--timeout", "15s")

        self.check(done, "304 Not Modified")
        assert "another path" not in done.stderr


@pytest.mark.parametrize("size", ["NaN", "Infinity", "1" + "0" * 400, "1e400"], ids=lambda size: size[:5])
def test_a_size_that_is_no_number_is_one_warning(size: str, odd_service: Killer) -> None:
    def odd_size(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, content=answer.text.replace('"size_mb":100', f'"size_mb":{size}'))

    odd_service.answer_instead = odd_size

    done = odd_service.run("plan", "--json")

    (warning,) = json.loads(done.stdout, parse_constant=pytest.fail)["reconcile"]["warnings"]
    assert done.returncode == 0
    assert "count as unknown: size_mb of backup" in warning["detail"]


class TestJson:
    """With --json, a command that fails prints JSON and nothing else on stdout."""

    def diagnostics(self, done: Done) -> list[Any]:
        assert done.returncode == 1
        value = json.loads(done.stdout)
        assert list(value) == ["diagnostics"]
        assert {"severity", "summary", "detail"} <= set(value["diagnostics"][0])
        diagnostics: list[Any] = value["diagnostics"]
        return diagnostics

    @pytest.mark.parametrize("command", [each for each in WITH_JSON if each != "apply"])
    def test_wrong_usage(self, command: str, tmp_path: Path) -> None:
        (diagnostic,) = self.diagnostics(run(command, "--json", "--nonsense", folder=tmp_path))

        assert "no such option" in diagnostic["summary"]

    def test_wrong_usage_of_an_apply_ends_its_lines_with_a_summary(self, tmp_path: Path) -> None:
        done = run("apply", "--json", "--nonsense", folder=tmp_path)

        version, diagnostic, summary = map(json.loads, done.stdout.splitlines())
        assert done.returncode == 1
        assert [line["type"] for line in (version, diagnostic, summary)] == ["version", "diagnostic", "change_summary"]
        assert "no such option" in diagnostic["diagnostic"]["summary"]

    @pytest.mark.parametrize("command", [["plan"], ["status"], ["show", "missing.plan"], ["plna"]], ids=" ".join)
    def test_a_missing_file(self, command: list[str], tmp_path: Path) -> None:
        done = run(*command, "--json", folder=tmp_path)

        self.diagnostics(done)
        assert done.stderr

    @pytest.mark.parametrize("command", ["plan", "status"])
    def test_a_refusal_of_the_service(self, command: str, service: Sandbox) -> None:
        done = service.run(command, "--json", VPS_API_TOKEN="vps_wrong")

        assert "401 Unauthorized" in self.diagnostics(done)[0]["summary"]

    def test_a_mistake_in_the_file_has_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "backups.toml").write_text("[servers.web]\nid = 1\nevry = 1\n")

        for command in (["plan", "--json"], ["status", "--json"]):
            (diagnostic,) = self.diagnostics(run(*command, folder=tmp_path, VPS_API_TOKEN=TOKEN))
            assert diagnostic["range"]["start"]["line"] == 3

    def test_validate_and_doctor_report_it_in_their_own_form(self, tmp_path: Path) -> None:
        validated = run("validate", "--json", folder=tmp_path)
        diagnosed = run("doctor", "--json", folder=tmp_path)

        assert (validated.returncode, json.loads(validated.stdout)["valid"]) == (1, False)
        assert (diagnosed.returncode, json.loads(diagnosed.stdout)["ok"]) == (1, False)


class TestToken:
    """It is never shown and never written, not even where the service echoes it."""

    SECRET = "vps_4f9a81c2e7d04b6f"

    def run(self, service: Killer, *arguments: str, **environment: str) -> Done:
        """Run a command, which is checked to show the token nowhere and to write it nowhere."""
        return run(*arguments, folder=service.folder, VPS_API_URL=service.url, VPS_API_TOKEN=self.SECRET, **environment)

    @pytest.mark.parametrize("options", [[], ["-v"], ["--json"]], ids=str)
    @pytest.mark.parametrize("command", ["plan", "status", "doctor", "apply", "import", "init --out new.toml", "list"])
    def test_in_an_error(self, command: str, options: list[str], odd_service: Killer) -> None:
        if command not in WITH_JSON and options == ["--json"]:
            pytest.skip("this command has no --json")
        odd_service.answer_instead = lambda sent, _: httpx.Response(400, json={"detail": sent.headers["Authorization"]})

        done = self.run(odd_service, *command.split(), *options)

        assert done.returncode == 1
        assert "400 Bad Request" in done.shown

    def test_in_a_description(self, odd_service: Killer) -> None:
        for backup in odd_service.world.account.backups:
            backup["description"] = self.SECRET

        for options in (
            ["plan", "-v"],
            ["plan", "--json"],
            ["plan", "--markdown"],
            ["status", "-v"],
            ["import"],
            ["list"],
        ):
            assert self.run(odd_service, *options).returncode == 0
        assert self.run(odd_service, "import", "--out", "imported.toml").returncode == 0
        assert self.run(odd_service, "plan", "--gitlab-report", "report.json").returncode == 0
        assert self.run(odd_service, "plan", "--out", "saved.plan").returncode == 0
        assert "***" in (odd_service.folder / "saved.plan").read_text(encoding="utf-8")
        odd_service.world.servers[0]["name"] = self.SECRET
        assert self.run(odd_service, "init", "--out", "first.toml").returncode == 0
        assert "***" in (odd_service.folder / "first.toml").read_text(encoding="utf-8")

    def test_in_a_declaration_is_not_saved_in_a_plan(self, odd_service: Killer) -> None:
        done = run(
            *("plan", "-f", "-", "--out", "saved.plan"),
            folder=odd_service.folder,
            standard_input=f'[servers.web]\nid = 1\nbackups = [{{ description = "{self.SECRET}" }}]\n',
            VPS_API_URL=odd_service.url,
            VPS_API_TOKEN=self.SECRET,
        )

        assert done.returncode == 1
        assert "saved.plan would contain the token" in done.stderr
        assert not (odd_service.folder / "saved.plan").exists()

    def test_given_as_the_path_of_its_file(self, service: Sandbox) -> None:
        for token in (TOKEN, self.SECRET, "4f9a81c2e7d04b6f4f9a81c2e7d04b6f"):
            done = run("plan", "--token-file", token, folder=service.folder, VPS_API_URL=service.url)
            assert done.returncode == 1
            assert token not in done.shown
            assert "looks like a token" in done.stderr


class TestHints:
    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            (["pln"], 'there is no command "pln". Did you mean "plan"?'),
            (["frobnicate"], "Commands: init, validate, list, plan, apply,"),
            (["validate", "backups.toml"], "reconcile validate -f backups.toml"),
            (["plan", "backups.toml"], "-f backups.toml"),
            (["status", "backups.toml"], "-f backups.toml"),
            (["plan", "--detailed-exitcod"], "--detailed-exitcode"),
            (["apply", "--timeout", "7m"], "minutes or months? write min or mo"),
            (["apply", "backups.toml"], "-f backups.toml"),
            (["completion"], "missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"),
            (["schema", "backups.toml"], "unexpected argument 'backups.toml'"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_wrong_usage_says_what_is_right_and_is_1(self, arguments: list[str], hint: str, service: Sandbox) -> None:
        done = service.run(*arguments)

        assert (done.returncode, done.stdout) == (1, "")
        assert hint in done.stderr

    def test_no_command_at_all_is_wrong_usage(self, service: Sandbox) -> None:
        done = service.run()

        assert (done.returncode, done.stdout) == (1, "")
        assert "Plan and apply:" in done.stderr, "the help"

    def test_doctor_names_the_servers_that_do_not_fit(self, service: Sandbox) -> None:
        service.write("[servers.gone]\nid = 99\n")

        assert "the account has no server with the id 99" in service.run("doctor").stdout


class TestGithubsLog:
    """No text from the service or the file acts on it."""

    TEXTS = ("##[error]pwned", "::error::pwned", "x\n::set-env name=A::b", "\x1b[31m::stop-commands::x")

    def test_names_and_descriptions_are_no_commands(self, tmp_path: Path) -> None:
        servers = [{"id": number, "name": name} for number, name in enumerate(self.TEXTS, 1)]
        backups = [
            entry(number * 10 + place, description, timedelta(days=1), server=server)
            for number, server in enumerate(servers, 1)
            for place, description in enumerate(self.TEXTS)
        ]
        with sandbox(tmp_path, seed={"servers": servers, "backups": backups}) as service:
            written = service.run("import", GITHUB_ACTIONS="true")
            service.write(written.stdout.replace("keep", "# keep").replace("prune = false", "prune = true"))
            commands = (
                ["plan", "-v"],
                ["plan", "--json"],
                ["status", "-v"],
                ["list"],
                ["init", "--out", "new.toml"],
                ["doctor"],
                ["apply", "--auto-approve"],
            )
            runs = [service.run(*command, GITHUB_ACTIONS="true") for command in commands]

        for done in (written, *runs):
            assert done.returncode in {0, 1}
            assert "##[" not in done.shown
            acting = [line for line in done.shown.splitlines() if line.lstrip().startswith("::")]
            assert [line for line in acting if not line.startswith("::error file=backups.toml,")] == []

    def test_an_error_of_the_service_is_no_command(self, odd_service: Killer) -> None:
        odd_service.answer_instead = lambda *_: httpx.Response(400, json={"detail": "x\n::error::pwned ##[group]y"})

        for command in (*READING, *CHANGING):
            done = odd_service.run(*command, GITHUB_ACTIONS="true")
            assert done.returncode == 1
            assert "##[" not in done.shown
            assert [line for line in done.shown.splitlines() if line.startswith("::")] == []
