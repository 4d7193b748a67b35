"""Pipes, devices and links where a file is expected, also such as come between a look and the use of what was seen."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from txo_core import atomic
from txo_core.config_loader import load_config
from txo_core.environment import secret_from_environment
from txo_core.exceptions import ConfigurationError, FileOperationError, HelpfulError
from txo_core.files import TxoDataHandler, write_new
from txo_core.regular_files import TooLarge, open_regular, read_regular

files = TxoDataHandler()
KINDS = ("a.json", "a.jsonl", "a.csv", "a.xlsx", "a.yaml", "a.txt")

pytestmark = pytest.mark.timeout(20)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.fixture
def data(own_root: Path) -> Path:
    (own_root / "data").mkdir()
    return own_root / "data"


@pytest.mark.parametrize("make", [pipe, endless], ids=["pipe", "device"])
@pytest.mark.parametrize("name", KINDS)
def test_what_has_no_end_is_no_file_and_is_not_waited_for(data: Path, name: str, make: Callable[[Path], None]) -> None:
    """S37: reading a pipe waits for a writer that may never come, and a device like /dev/zero fills the memory."""
    make(data / name)

    with pytest.raises(FileOperationError, match="a device or a pipe, not a file"):
        files.load("data", name)
    with pytest.raises(FileOperationError, match="it is not a file"):
        files.save("x" if name == "a.txt" else [{"a": 1}], "data", name)


@pytest.mark.parametrize("make", [pipe, endless], ids=["pipe", "device"])
def test_nor_is_it_a_configuration_or_a_file_of_secrets(own_root: Path, make: Callable[[Path], None]) -> None:
    from deployments.provision import find_secrets

    make(own_root / "config" / "txo-prod-config.json")
    make(own_root / "config" / "txo-prod-config-secrets.json")

    with pytest.raises(ConfigurationError, match="a device or a pipe, not a file"):
        load_config("txo", "prod")
    (own_root / "config" / "txo-prod-config.json").unlink()
    with pytest.raises(ConfigurationError, match=r"txo-prod-config-secrets\.json cannot be read"):
        find_secrets("txo", "prod")


def test_nor_is_a_pipe_an_environment(own_root: Path) -> None:
    pipe(own_root / ".env")

    assert secret_from_environment("txo", "prod", "api_key") is None


def test_a_configuration_that_leads_out_of_its_folder_is_refused(own_root: Path, tmp_path: Path) -> None:
    """S39: a link is followed as long as it stays."""
    (tmp_path / "far.json").write_text("{}")
    (own_root / "config" / "txo-prod-config.json").symlink_to(tmp_path / "far.json")
    (own_root / "config" / "acme-prod-config.json").symlink_to("demo-test-config.json")

    with pytest.raises(ConfigurationError, match="leaves the folder"):
        load_config("txo", "prod")
    assert load_config("acme", "prod").org_id == "acme"


def test_a_configuration_is_no_place_for_data(own_root: Path) -> None:
    (own_root / "config" / "txo-prod-config.json").write_text('{"a": "' + "x" * 5_000_000 + '"}')

    with pytest.raises(ConfigurationError, match="more than 4 MiB"):
        load_config("txo", "prod")


def test_a_file_that_grows_while_it_is_read_is_read_to_the_bound_and_no_further(tmp_path: Path) -> None:
    """S37: its size was looked at before."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 10)

    def grown(descriptor: int) -> os.stat_result:
        return os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, 4, 0, 0, 0))

    assert read_regular(path, 10) == b"x" * 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fstat", grown)
        assert read_regular(path, 10) == b"x" * 10
        with pytest.raises(TooLarge):
            read_regular(path, 9)
    with pytest.raises(TooLarge):
        read_regular(path, 9)


def test_a_large_file_without_content_costs_nothing(data: Path) -> None:
    """S37: a sparse file claims terabytes and has none."""
    with (data / "a.json").open("wb") as file:
        file.truncate(2**40)

    with pytest.raises(HelpfulError, match="too much to be read as a whole"):
        files.load("data", "a.json")


# Links


def test_a_folder_that_is_a_link_by_itself_is_the_users_choice(own_root: Path, tmp_path: Path) -> None:
    """S39: a share for all reports, say; what lies below it stays below it."""
    share = tmp_path / "share"
    share.mkdir()
    (own_root / "output").symlink_to(share)

    assert files.save([1], "output", "a.json") == own_root / "output" / "a.json"
    assert files.save_with_timestamp([1], "output", "a.json").parent == own_root / "output"
    assert len(list(share.iterdir())) == 2


@pytest.mark.parametrize("name", ["files", "data/sub"])
def test_no_link_makes_the_configurations_a_place_to_save_to(own_root: Path, name: str) -> None:
    """S40."""
    folder, _, sub = name.partition("/")
    place = own_root / folder / sub if sub else own_root / folder
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(own_root / "config")

    with pytest.raises(ConfigurationError, match=r"config|leaves the folder"):
        files.save({}, folder, f"{sub}/new.json" if sub else "new.json")

    assert not (own_root / "config" / "new.json").exists()


def test_a_hard_link_to_a_file_of_ours_is_replaced_and_the_other_name_keeps_its_content(own_root: Path) -> None:
    """S40: what is written gets a new file; nobody writes into one that has two names."""
    (own_root / "output").mkdir()
    other = own_root / "config" / "demo-test-config.json"
    before = other.read_bytes()
    os.link(other, own_root / "output" / "a.json")

    files.save({"new": 1}, "output", "a.json")

    assert other.read_bytes() == before


def swapping(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path, to: Path) -> None:
    """Let a link take the place of a folder at the moment at which this function of `atomic` is called."""
    real: Any = getattr(atomic, name)

    def swapped(*arguments: Any) -> Any:
        if not folder.is_symlink():
            folder.rename(folder.with_name("gone"))
            folder.symlink_to(to)
        return real(*arguments)

    monkeypatch.setattr(atomic, name, swapped)


@pytest.mark.parametrize("moment", ["_resolved", "_old", "create", "_finish"])
@pytest.mark.parametrize("way", ["save", "save_with_timestamp"])
def test_a_link_that_comes_after_the_look_leads_nowhere(
    own_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, way: str
) -> None:
    """S39: between the check of the path and the use of it, whenever that is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (own_root / "output" / "sub").mkdir(parents=True)
    if moment == "_old" and way != "save":
        pytest.skip("a new file replaces none")
    swapping(monkeypatch, moment, own_root / "output" / "sub", outside)

    with pytest.raises(FileOperationError):
        getattr(files, way)([{"a": 1}], "output", "sub/a.json")

    assert [path for path in outside.iterdir() if path.stat().st_size] == []
    assert [path for path in outside.iterdir() if path.suffix == ".json"] == []


def test_a_file_is_what_was_opened_whatever_takes_its_place(tmp_path: Path) -> None:
    """S37: the look is at the descriptor."""
    path = tmp_path / "a"
    path.write_bytes(b"here")
    with open_regular(path) as file:
        path.unlink()
        pipe(path)
        assert file.read() == b"here"


def test_many_threads_never_leave_a_file_behind(own_root: Path) -> None:
    """S38: also where each has its own link to the same place."""
    (own_root / "output").mkdir()

    def save() -> None:
        write_new(own_root / "output" / "a.txt", lambda file: None)

    threads = [threading.Thread(target=save) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(path.name for path in (own_root / "output").iterdir()) == sorted(
        ["a.txt", *(f"a-{number}.txt" for number in range(2, 9))]
    )
