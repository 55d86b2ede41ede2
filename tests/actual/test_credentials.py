"""Where the token and the base URL come from."""

import json
from pathlib import Path

import pytest

from reconcile.actual.credentials import BASE_URL, Access, find, redact
from reconcile.diagnostics import UserError

SECRET = "vps_secret"


def look(
    tmp_path: Path, *, base_url: str | None = None, token_file: Path | None = None, config: object = None, **env: str
) -> Access:
    if config is not None:
        (tmp_path / ".vps").mkdir()
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / ".vps" / "config.json").write_text(text, encoding="utf-8")
    return find(base_url=base_url, token_file=token_file, environment=env, home=tmp_path)


def test_the_order_is_file_then_environment_then_the_official_clis(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("vps_file\n", encoding="utf-8")
    official = {"api_token": "vps_official", "api_url": "https://other.example"}

    assert look(tmp_path, config=official).token == "vps_official"
    assert (
        find(base_url=None, token_file=None, environment={"VPS_API_TOKEN": "vps_env"}, home=tmp_path).token == "vps_env"
    )
    both = find(base_url=None, token_file=file, environment={"VPS_API_TOKEN": "vps_env"}, home=tmp_path)
    assert (both.token, both.token_from) == ("vps_file", str(file))


def test_the_base_url(tmp_path: Path) -> None:
    assert look(tmp_path, VPS_API_TOKEN=SECRET).base_url == BASE_URL
    assert (
        look(tmp_path, VPS_API_TOKEN=SECRET, VPS_API_URL="https://a.example/api/v1/").base_url
        == "https://a.example/api/v1"
    )
    flag = look(tmp_path, base_url="http://127.0.0.1:1/x", VPS_API_TOKEN=SECRET, VPS_API_URL="https://a.example")
    assert flag.base_url == "http://127.0.0.1:1/x"
    official = look(tmp_path, config={"api_token": SECRET, "api_url": "https://other.example"})
    assert official.base_url == "https://other.example/api/v1"


def test_an_official_file_with_the_whole_base_url(tmp_path: Path) -> None:
    found = look(tmp_path, config={"api_token": SECRET, "api_url": "https://other.example/api/v1/"})

    assert found.base_url == "https://other.example/api/v1"


def test_no_token_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no token") as refused:
        look(tmp_path)

    assert "VPS_API_TOKEN" in refused.value.diagnostics[0].detail


@pytest.mark.parametrize(
    "url",
    [
        "http://admin.vps.org/api/v1",
        "http://10.0.0.1/api/v1",
        "http://localhost.evil.example/",
        "ftp://admin.vps.org",
        "admin.vps.org",
        "https://user:password@admin.vps.org",
        "https://admin.vps.org/?x=1",
        "https://[",
        "https://[::zz]",
        "https://[127.0.0.1]",
        "https://999.1.1.1",
        "https://2130706433",
        "https://xn--/",
        "https://a..example",
        "https://b\u00fccher.example",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1%2eevil.example/",
        "https://admin.vps.org/a b",
        "https://admin.vps.org\n/x",
        " ",
        "https://",
        f"https://admin.vps.org/{'a' * 70_000}",
    ],
)
def test_a_url_that_no_token_may_go_to_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a base URL|would send the token unencrypted"):
        look(tmp_path, base_url=url, VPS_API_TOKEN=SECRET)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Admin.VPS.org:443/api/v1/", "https://admin.vps.org/api/v1"),
        (" https://admin.vps.org:8443 ", "https://admin.vps.org:8443"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_a_base_url_has_one_form(url: str, normal: str, tmp_path: Path) -> None:
    assert look(tmp_path, base_url=url, VPS_API_TOKEN=SECRET).base_url == normal


@pytest.mark.parametrize(
    "url", [f"https://{SECRET}", f"https://user:{SECRET}@a.example", "https://user:pass@a.example"]
)
def test_a_base_url_that_is_refused_shows_no_secret(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        look(tmp_path, base_url=url + "?", VPS_API_TOKEN=SECRET)

    assert SECRET not in str(refused.value.diagnostics)
    assert "pass@" not in str(refused.value.diagnostics)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.8.9.1", "http://[::1]:80"])
def test_plain_http_to_this_machine_is_fine(url: str, tmp_path: Path) -> None:
    assert look(tmp_path, base_url=url, VPS_API_TOKEN=SECRET).base_url


@pytest.mark.parametrize("token", ["vps_a b", "vps_\u00e9", "vps_a\r\nX-Evil: 1"])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="from VPS_API_TOKEN is not valid") as refused:
        look(tmp_path, VPS_API_TOKEN=token)

    assert token not in str(refused.value.diagnostics)


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        look(tmp_path, token_file=tmp_path / "none")


def test_a_token_file_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--token-file {tmp_path}: Is a directory"):
        look(tmp_path, token_file=tmp_path)


def test_a_token_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")

    with pytest.raises(UserError, match="token: it is not text"):
        look(tmp_path, token_file=tmp_path / "token")


@pytest.mark.parametrize("token", ["vps_abc", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "eyJhbGciOiJIUzI1NiJ9.e30"])
def test_a_token_in_place_of_its_file_is_not_shown(token: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file") as refused:
        look(tmp_path, token_file=Path(token))

    assert token not in str(refused.value.diagnostics)
    assert "looks like a token" in refused.value.diagnostics[0].detail


def test_without_a_home_there_is_no_official_file() -> None:
    with pytest.raises(UserError, match="no token"):
        find(base_url=None, token_file=None, environment={}, home=None)


@pytest.mark.parametrize("text", ["{", "[]", '{"api_token": 7}', "[" * 100_000, "9" * 5000])
def test_a_broken_official_file_is_an_error_not_a_crash(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"can't be read|no token"):
        look(tmp_path, config=text)


def test_the_token_is_not_in_what_is_printed_of_it(tmp_path: Path) -> None:
    assert SECRET not in repr(look(tmp_path, VPS_API_TOKEN=SECRET))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bearer vps_secret is not known", "Bearer *** is not known"),
        ("vps_secretvps_secret", "******"),
        ("nothing here", "nothing here"),
    ],
)
def test_a_token_is_blanked_out(text: str, shown: str) -> None:
    assert redact(text, SECRET) == shown


def test_a_token_is_blanked_out_in_a_url() -> None:
    assert redact("/?token=vps_a%2Fb%2Bc%3D", "vps_a/b+c=") == "/?token=***"


def test_what_is_too_short_to_be_a_token_garbles_no_text() -> None:
    assert redact('{"a": 1}', "a") == '{"a": 1}'


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_token_in_quotes_says_so(quote: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the token from VPS_API_TOKEN is in quotes") as refused:
        look(tmp_path, VPS_API_TOKEN=f"{quote}{SECRET}{quote}")

    assert "--env-file" in refused.value.diagnostics[0].detail
    assert SECRET not in repr(refused.value.diagnostics)
