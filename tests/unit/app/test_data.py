from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.data import DataFolder, tried
from app.reading import Fault, Reading
from app.settings import Settings
from app.wiring import plane_settings
from engine.errors import Locked, NotConfigured
from engine.secrets import generate_key, parse_keys

AT_ONCE = timedelta(0)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_one_owner_at_a_time_and_the_next_after_it(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    with data.own("serve", wait=AT_ONCE):
        with pytest.raises(Locked) as refused, data.own("list", wait=AT_ONCE):
            pass
        assert "`luthien serve`" in refused.value.summary
    with data.own("list", wait=AT_ONCE):
        pass
    assert mode(data.path) == 0o700


def test_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from datetime import timedelta\n"
        "from app.data import DataFolder\n"
        "with DataFolder(Path(sys.argv[1])).own('serve', wait=timedelta(0)):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    data = DataFolder(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=str(other.pid)), data.own("list", wait=AT_ONCE):
            pass
        other.kill()
    with data.own("list", wait=timedelta(seconds=5)):
        pass


def test_one_database_elsewhere_has_one_owner_whatever_the_folder(tmp_path: Path) -> None:
    one, two, shared = DataFolder(tmp_path / "1"), DataFolder(tmp_path / "2"), tmp_path / "x.db"
    with one.own("serve", wait=AT_ONCE, database=shared):
        with pytest.raises(Locked), two.own("serve", wait=AT_ONCE, database=shared):
            pass
        with two.own("serve", wait=AT_ONCE):
            pass


def test_the_server_is_found_while_it_lives(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    assert data.server() is None
    with data.own("serve", wait=AT_ONCE):
        assert data.server() is None
        with data.announce("http://127.0.0.1:1") as server:
            assert data.server() == server
            assert mode(tmp_path / "serve.json") == 0o600
            stored = json.loads((tmp_path / "serve.json").read_text())
            assert set(stored) == {"address", "token", "pid"}
            assert server.token not in repr(server)
    assert not (tmp_path / "serve.json").exists()


def test_what_a_killed_server_left_is_no_server(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    left = {"address": "http://127.0.0.1:1", "token": "kept", "pid": 1}
    (tmp_path / "serve.json").write_text(json.dumps(left))
    assert data.server() is None
    with data.own("list", wait=AT_ONCE):
        assert data.server() is None
        with data.announce("http://127.0.0.1:2") as server:
            assert server.token == "kept"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"address":1}', '"x"'])
def test_a_broken_serve_file_is_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / "serve.json").write_text(text)
    with DataFolder(tmp_path).own("list", wait=AT_ONCE):
        assert DataFolder(tmp_path).server() is None


def test_the_master_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    key = data.master_key()
    assert parse_keys(key)
    assert data.master_key() == key
    assert mode(data.path / "master.key") == 0o600


OURS = ("luthien.db", "luthien.db-wal", "luthien.log", "dispatch.db", "master.key", "serve.json")


def test_a_volume_and_what_it_holds_of_ours_is_closed_to_others(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    volume = tmp_path / "volume"
    (volume / "lost+found").mkdir(parents=True)
    volume.chmod(0o755)
    for path in (*(volume / name for name in OURS), elsewhere, Path(f"{elsewhere}-wal")):
        path.touch()
        path.chmod(0o644)
    (volume / "luthien.db-shm").symlink_to(elsewhere)
    DataFolder(volume).make()
    assert mode(volume) == 0o700
    assert {mode(volume / name) for name in OURS} == {0o600}
    assert mode(elsewhere) == 0o644, "no link is followed"
    _told_of(volume, elsewhere)
    assert {mode(elsewhere), mode(Path(f"{elsewhere}-wal"))} == {0o600}
    (volume / "ops.db").touch(mode=0o644)
    _told_of(volume, volume / "ops.db")
    assert mode(volume / "ops.db") == 0o600, "whatever its name is"


def _told_of(folder: Path, database: Path) -> None:
    settings = Settings(
        _env_file=None,
        luthien_data_dir=folder,
        database_url=SecretStr(f"sqlite+aiosqlite:///{database}"),
        luthien_master_key=SecretStr(generate_key()),
    )
    assert plane_settings(settings, "").key_place is None


def test_a_folder_that_others_use_stays_open_and_our_files_in_it_do_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name in ("luthien.db", "theirs.txt"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    DataFolder(tmp_path).make()
    modes = [mode(tmp_path), mode(tmp_path / "luthien.db"), mode(tmp_path / "theirs.txt")]
    assert modes == [0o755, 0o600, 0o644]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    DataFolder(temporary).make()
    assert temporary.stat().st_mode & 0o7777 == 0o1777


def test_what_a_command_makes_in_a_volume_is_its_owners_alone(tmp_path: Path) -> None:
    """The databases, too, which SQLite makes itself."""
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o755)
    environment = os.environ | {"LUTHIEN_DATA_DIR": str(volume), "DATABASE_URL": ""}
    command = (sys.executable, "-m", "app")
    for arguments in (["runs"], ["backup", str(tmp_path / "backup.tar.gz")]):
        subprocess.run(
            [*command, *arguments], env=environment, umask=0o022, check=True, capture_output=True
        )
    made = {path.name: mode(path) for path in volume.iterdir()}
    assert {"luthien.db", "master.key", "luthien.lock"} <= made.keys()
    assert set(made.values()) == {0o600}, made
    assert mode(volume) == 0o700
    assert mode(tmp_path / "backup.tar.gz") == 0o600


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotConfigured, match="LUTHIEN_DATA_DIR"):
        DataFolder(tmp_path / "file" / "data").make()


def test_a_folder_that_cannot_be_used_is_one_fault_among_the_others(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(_env_file=None, luthien_data_dir=tmp_path / "file")
    other = Fault("PORT", "is malformed", "Leave it out.")
    found = tried(Reading(settings, (other,)))
    assert [fault.setting for fault in found.faults] == ["PORT", "LUTHIEN_DATA_DIR"]
    assert tried(Reading(Settings(_env_file=None, luthien_data_dir=tmp_path), ())).faults == ()


def test_a_database_file_that_cannot_be_locked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    own = DataFolder(tmp_path).own("serve", wait=AT_ONCE, database=tmp_path / "file" / "x.db")
    with pytest.raises(NotConfigured, match="lock file"), own:
        pass


def test_a_damaged_key_file_is_named_and_never_to_be_made_anew(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    reading = Reading(Settings(_env_file=None, luthien_data_dir=tmp_path), ())
    assert tried(reading).faults == ()
    data.master_key()
    assert tried(reading).faults == ()
    data.key_file.write_text("damaged")
    [found] = tried(reading).faults
    assert str(data.key_file) in found.wrong
    assert "from a copy" in found.how
    key = SecretStr(generate_key())
    own = Settings(_env_file=None, luthien_data_dir=tmp_path, luthien_master_key=key)
    assert tried(Reading(own, ())).faults == ()
