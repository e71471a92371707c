"""Settings: the defaults of the design, bounds, and where each value comes from."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pointport.settings import Settings, sources

DEFAULTS = {
    "upload_bytes_max": 10 * 1024 * 1024,
    "columns_max": 100,
    "heading_characters_max": 1_000,
    "sample_rows_max": 5,
    "sample_columns_max": 20,
    "sample_characters_max": 1_000,
    "cell_characters_max": 32_767,
    "points_max": 999_999_999,
    "upload_url_seconds": 3_600,
    "download_url_seconds": 3_600,
    "chunk_rows": 25_000,
    "retention_days": 30,
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's environment nor a `.env` of its folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"POINTPORT_{name.upper()}", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_the_defaults_are_those_of_the_design(name: str, value: int) -> None:
    assert getattr(Settings(), name) == value


def test_every_limit_can_be_set_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DEFAULTS:
        monkeypatch.setenv(f"POINTPORT_{name.upper()}", "3")
    settings = Settings()
    assert {name: getattr(settings, name) for name in DEFAULTS} == dict.fromkeys(DEFAULTS, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "-1") for name in DEFAULTS),
        *((name, "0") for name in DEFAULTS if name != "sample_rows_max"),
        *((name, "many") for name in DEFAULTS),
        ("upload_bytes_max", 5 * 1024**3 + 1),
        ("columns_max", 1),
        ("columns_max", 101),
        ("heading_characters_max", 1_001),
        ("sample_rows_max", 6),
        ("sample_columns_max", 21),
        ("sample_characters_max", 1_001),
        ("points_max", 1_000_000_000),
        ("port", -1),
        ("port", 65_536),
        ("worker_imports_max", 0),
        ("connections_max", 3),
        ("heartbeat_seconds", 0),
        ("stalled_seconds", 0),
        ("sweep_seconds", 0),
        ("attempts_max", 0),
        ("log_level", "LOUD"),
        ("secret", "short"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    monkeypatch.setenv(f"POINTPORT_{name.upper()}", str(value))
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [error["loc"] for error in caught.value.errors()] in ([(name,)], [(f"pointport_{name}",)])


def test_five_gibibytes_may_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTPORT_UPLOAD_BYTES_MAX", str(5 * 1024**3))
    assert Settings().upload_bytes_max == 5 * 1024**3


def test_each_value_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("POINTPORT_PORT=9000\nPOINTPORT_HOST=10.0.0.1\n", encoding="utf-8")
    monkeypatch.setenv("POINTPORT_HOST", "0.0.0.0")  # noqa: S104 (just a value that is not the default)
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    found = sources(Settings())
    assert found["host"] == ("0.0.0.0", "environment")  # noqa: S104
    assert found["port"] == (9000, ".env")
    assert found["points_max"] == (999_999_999, "default")
    assert found["database_url"][1] == "environment"
    assert found.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", ["DATABASE_URL", "POINTPORT_DATABASE_URL"])
def test_the_database_goes_by_either_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "postgresql://me:hunter2@somewhere/else")
    settings = Settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://me:hunter2@somewhere/else"
    assert sources(settings)["database_url"][1] == "environment"


def test_the_database_may_be_named_in_the_env_file() -> None:
    Path(".env").write_text("DATABASE_URL=postgresql://somewhere/else\n", encoding="utf-8")
    assert sources(Settings())["database_url"][1] == ".env"


def test_secrets_are_masked_wherever_they_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTPORT_SECRET", "s3cr3t-" * 8)
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@somewhere/else")
    settings = Settings()
    for shown in (str(settings), repr(settings), str(sources(settings)), settings.model_dump_json()):
        assert "s3cr3t" not in shown
        assert "hunter2" not in shown
    assert "**" in str(sources(settings)["secret"][0])


def test_settings_never_change_while_a_process_runs() -> None:
    settings: Any = Settings()
    with pytest.raises(ValidationError):
        settings.points_max = 1


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    assert Settings.model_fields[name].description


def test_as_many_sessions_as_cores_apply_an_import_and_no_more_than_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, sessions in ((1, 1), (2, 2), (4, 4), (64, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert Settings().apply_sessions == sessions


def test_sessions_without_connections_are_refused_with_the_numbers_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POINTPORT_APPLY_SESSIONS", "5")
    with pytest.raises(ValidationError) as refused:
        Settings()
    (error,) = refused.value.errors()
    assert "4 imports (POINTPORT_WORKER_IMPORTS_MAX) of 5 sessions each (POINTPORT_APPLY_SESSIONS)" in error["msg"]
    assert "need 26 connections" in error["msg"]
    assert "POINTPORT_CONNECTIONS_MAX is 24" in error["msg"]
    monkeypatch.setenv("POINTPORT_CONNECTIONS_MAX", "26")
    assert Settings().apply_sessions == 5


def test_answers_are_not_kept_longer_than_what_they_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTPORT_RETENTION_DAYS", "1")
    assert Settings().idempotency_hours == 24
    monkeypatch.setenv("POINTPORT_IDEMPOTENCY_HOURS", "25")
    with pytest.raises(ValidationError) as refused:
        Settings()
    (error,) = refused.value.errors()
    assert "POINTPORT_IDEMPOTENCY_HOURS is 25" in error["msg"]
    assert "erased after 24 hours (POINTPORT_RETENTION_DAYS=1)" in error["msg"]
    monkeypatch.setenv("POINTPORT_RETENTION_DAYS", "2")
    assert Settings().idempotency_hours == 25
