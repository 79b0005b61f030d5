from __future__ import annotations

from pathlib import Path

import pytest

from selftests.probes.servers import KeyPair, make_key_pair


@pytest.fixture(scope="session")
def key_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def rsa(key_directory: Path) -> KeyPair:
    return make_key_pair(key_directory, "rsa")


@pytest.fixture(scope="session")
def ec(key_directory: Path) -> KeyPair:
    return make_key_pair(key_directory, "ec")
