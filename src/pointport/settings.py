"""Every knob and limit, read once.

From environment variables `POINTPORT_*`, then a `.env` file, then the defaults here, which work on one machine with
nothing else installed. `pointport settings` prints them with their source. Units are the last word of each name.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Self

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE

HOURS_OF_A_DAY = 24

CONNECTIONS_TO_SPARE = 2
"""Connections of a process that its imports leave to everything else, at least."""


def default_data_dir() -> Path:
    """The folder of everything embedded: the user's own, or the machine's when root runs it.

    Root's home is closed to the unprivileged user that the database server runs as, so root gets `/var/lib`.
    """
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/pointport")
    return Path(platformdirs.user_data_dir("pointport", appauthor=False))


def default_apply_sessions() -> int:
    """As many as there are cores, at most 4: the database needs most of a core for each."""
    return min(os.cpu_count() or 1, 4)


class Settings(BaseSettings):
    """What can be set, with its default and its bounds (design.md 12)."""

    model_config = SettingsConfigDict(
        env_prefix="POINTPORT_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Where things are
    data_dir: Path = Field(default_factory=default_data_dir, description="Folder of the embedded database and files")
    database_url: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("DATABASE_URL", "POINTPORT_DATABASE_URL"),
            description="A PostgreSQL 15+ to use instead of the embedded one",
        ),
    ] = None
    files_url: str | None = Field(
        None, description="Where files are kept instead of the data folder: s3://bucket/prefix"
    )
    secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs URLs and cursors, and encrypts the keys that sign webhooks and certificates;"
        " default: made once, kept in the data folder",
    )
    public_url: str | None = Field(None, description="How clients reach this server; default: as the request came in")
    host: str = Field("127.0.0.1", description="Address that `serve` listens on")
    port: int = Field(8640, ge=0, le=65535, description="Port that `serve` listens on; 0 takes a free one")

    # What a file may be
    upload_bytes_max: int = Field(10 * MEBIBYTE, ge=1, le=5 * GIBIBYTE, description="Largest file to import")
    contacts_bytes_max: int = Field(1 * GIBIBYTE, ge=1, le=5 * GIBIBYTE, description="Largest file of contacts")
    workbook_bytes_max: int = Field(256 * MEBIBYTE, ge=1, description="Largest workbook of Excel, unpacked")
    columns_max: int = Field(100, ge=2, le=100, description="Most columns in a file")
    heading_characters_max: int = Field(1_000, ge=1, le=1_000, description="Longest heading")
    cell_characters_max: int = Field(32_767, ge=1, description="Longest cell")
    sample_rows_max: int = Field(5, ge=0, le=5, description="Rows shown as a sample")
    sample_columns_max: int = Field(20, ge=1, le=20, description="Values shown of a sample row")
    sample_characters_max: int = Field(1_000, ge=1, le=1_000, description="Characters shown of a sample value")
    points_max: int = Field(999_999_999, ge=1, le=999_999_999, description="Largest balance of an account")

    # How long things last
    upload_url_seconds: int = Field(3_600, ge=1, description="Life of an upload URL")
    download_url_seconds: int = Field(3_600, ge=1, description="Life of a download URL")
    idempotency_hours: int = Field(
        24, ge=1, le=720, description="A request that comes again with its `Idempotency-Key` is known for so long"
    )
    retention_days: int = Field(30, ge=1, description="Files and row details are erased after this")

    # How work is done
    chunk_rows: int = Field(25_000, ge=1, le=1_000_000, description="Rows applied in one database transaction, at most")
    apply_sessions: int = Field(
        default_factory=default_apply_sessions,
        ge=1,
        le=16,
        description="Database sessions that apply one import side by side",
    )
    worker_imports_max: int = Field(4, ge=1, le=64, description="Imports that one worker runs side by side")
    connections_max: int = Field(24, ge=4, le=1_000, description="Database connections of one process")
    heartbeat_seconds: float = Field(1.0, gt=0, description="How often a worker says that it lives")
    stalled_seconds: float = Field(3.0, gt=0, description="Silence after which a worker's jobs go to another")
    sweep_seconds: float = Field(1.0, gt=0, description="How often a worker looks for jobs left behind")
    attempts_max: int = Field(5, ge=1, description="Tries of a job that fails by a fault of ours")
    requests_per_minute_max: int | None = Field(
        None, ge=1, description="Requests of one API key in a minute that one process answers; default: any number"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe lines logged")

    # Webhooks
    webhook_timeout_seconds: float = Field(1.25, gt=0, le=60, description="How long a receiver may take to answer")
    webhook_private_targets: bool = Field(
        False, description="Let webhooks go to loopback, link-local and private addresses, and over plain http"
    )

    @model_validator(mode="after")
    def _sessions_find_connections(self) -> Self:
        """A session that finds no connection would hold up its import: so there is one for each, and some to spare."""
        needed = self.worker_imports_max * (self.apply_sessions + 1) + CONNECTIONS_TO_SPARE
        if needed > self.connections_max:
            raise ValueError(
                f"{self.worker_imports_max} imports (POINTPORT_WORKER_IMPORTS_MAX) of {self.apply_sessions} sessions each"
                " (POINTPORT_APPLY_SESSIONS), and one more for their error files, need"
                f" {needed} connections, {CONNECTIONS_TO_SPARE} of them for all else; POINTPORT_CONNECTIONS_MAX is"
                f" {self.connections_max}. Raise it, or lower one of the others."
            )
        return self

    @model_validator(mode="after")
    def _answers_go_before_row_details(self) -> Self:
        """An answer that is kept may show the first rows of a file, which are erased with the rest of its details."""
        hours = self.retention_days * HOURS_OF_A_DAY
        if self.idempotency_hours > hours:
            raise ValueError(
                f"POINTPORT_IDEMPOTENCY_HOURS is {self.idempotency_hours}, but files and row details, which answers may"
                f" show, are erased after {hours} hours (POINTPORT_RETENTION_DAYS={self.retention_days}). Lower it, or"
                " raise the other."
            )
        return self


def sources(settings: Settings) -> dict[str, tuple[Any, str]]:
    """For each setting its value (secrets masked) and where it comes from: `environment`, `.env` or `default`."""
    environment = EnvSettingsSource(Settings)()
    dotenv = DotEnvSettingsSource(Settings)()
    found: dict[str, tuple[Any, str]] = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        keys = {name, *(str(choice) for choice in alias.choices)} if isinstance(alias, AliasChoices) else {name}
        if keys & environment.keys():
            source = "environment"
        elif keys & dotenv.keys():
            source = ".env"
        else:
            source = "default"
        found[name] = (getattr(settings, name), source)
    return found
