import time
from pathlib import Path

import pytest

from service.db.engine import opened_engine
from service.db.store import Store
from service.dispatch import Dispatcher, DispatcherStatus, DispatchSettings


@pytest.mark.parametrize(("age_seconds", "is_stuck"), [(0.0, False), (60.0, True)])
def test_one_that_cannot_renew_its_lease_says_so(
    migrated_sqlite: Path, tmp_path: Path, age_seconds: float, is_stuck: bool
) -> None:
    with opened_engine(f"sqlite:///{migrated_sqlite}") as engine:
        dispatcher = Dispatcher(Store(engine), DispatchSettings(checkpoint_dir=str(tmp_path)))
        assert dispatcher.status.error is None
        dispatcher._status = DispatcherStatus(role="active", engine_connected=True)
        dispatcher._lease_renewed_at = time.monotonic() - age_seconds
        assert dispatcher.status.role == "active"
        error = dispatcher.status.error
        assert error == ("it has not renewed its lease for 60 s" if is_stuck else None)
