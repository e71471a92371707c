"""What may stand in a log, and what may not."""

import logging
from pathlib import Path

import pytest

from pointport.app import configure_logging
from pointport.settings import Settings

ADDRESS = "ada.lovelace@example.com"


def test_no_email_address_reaches_a_log_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:]
    configure_logging(Settings(data_dir=tmp_path))
    try:
        fault = ValueError(f'Key (site_id, email)=(1, {ADDRESS}) exists, also "{ADDRESS}" and <{ADDRESS}>')
        logging.getLogger("test").error("failed for %s", ADDRESS, extra={"who": ADDRESS}, exc_info=fault)
    finally:
        logging.basicConfig(handlers=before, force=True)
    logged = capsys.readouterr().err
    assert "failed for <e-mail address>" in logged
    assert "ValueError: Key (site_id, email)=(1, <e-mail address>) exists" in logged
    assert ADDRESS not in logged
