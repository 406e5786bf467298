"""One process to a state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.base.errors import ConfigError, StorageError
from edge.base.lock import only_one


def test_a_second_holder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """By a lock of the kernel's, which no crash leaves behind."""
    with only_one(tmp_path):
        with pytest.raises(ConfigError, match="another agent uses") as caught, only_one(tmp_path):
            pass
        assert caught.value.hint == "stop that one first"
    with only_one(tmp_path):
        pass


def test_a_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    """Whatever ended the work."""
    with pytest.raises(ZeroDivisionError), only_one(tmp_path):
        raise ZeroDivisionError
    with only_one(tmp_path):
        pass


def test_a_folder_that_is_not_there_is_an_error_of_storage(tmp_path: Path) -> None:
    """And names the file."""
    with pytest.raises(StorageError, match="cannot lock"), only_one(tmp_path / "absent"):
        pass
