import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nportlab.inventory.secret import SecretRef
from nportlab.verdicts.faults import ConfigFault

WHERE = "lab.yaml:7: racks.desk.units.a.credentials.password"


def ref(**ways: object) -> SecretRef:
    return SecretRef(where=WHERE, name="desk.units.a.credentials.password", **ways)  # type: ignore[arg-type]


def kept(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPORT_PASSWORD", "hunter22")
    assert ref(env="NPORT_PASSWORD").resolve(tmp_path) == "hunter22"


def test_from_a_file(tmp_path: Path) -> None:
    assert ref(file=kept(tmp_path / "s", "hunter22\n")).resolve(tmp_path) == "hunter22"
    assert ref(file=kept(tmp_path / "k", "a: 1\nb: hunter22\n"), key="b").resolve(tmp_path) == "hunter22"


def test_generated_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first = ref(generated=True).resolve(tmp_path)
    assert ref(generated=True).resolve(tmp_path) == first
    assert 4 <= len(first) <= 16
    assert any(c.isupper() for c in first) and any(c.islower() for c in first) and any(c.isdigit() for c in first)
    [path] = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: ref(generated=True).resolve(tmp_path), range(32)))
    assert len(found) == 1


@pytest.mark.parametrize("shown", [repr, str, lambda secret: f"{secret.where} {secret.name}"])
def test_showing_a_reference_never_shows_the_secret(shown, tmp_path: Path) -> None:
    secret = ref(generated=True)
    value = secret.resolve(tmp_path)
    assert value not in shown(secret)
    assert "s3cret" not in shown(SecretRef.literal("s3cret"))


def test_what_is_missing_is_said_with_the_line_and_without_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NPORT_PASSWORD", raising=False)
    cases = [
        (ref(env="NPORT_PASSWORD"), "environment variable NPORT_PASSWORD is not set"),
        (ref(file=tmp_path / "none"), "cannot be read: No such file or directory"),
        (ref(file=tmp_path), "cannot be read: Is a directory"),
        (ref(file=kept(tmp_path / "empty", "\n")), "is empty"),
        (ref(file=kept(tmp_path / "open", "hunter22", 0o644)), "is readable by everybody"),
        (ref(file=kept(tmp_path / "keys", "b: hunter22\n"), key="a"), "has no key 'a'"),
        (ref(file=kept(tmp_path / "bad", "a: {hunter22\n"), key="a"), "is not valid YAML"),
        (ref(file=kept(tmp_path / "list", "- hunter22\n"), key="a"), "has no key 'a'"),
    ]
    for secret, said in cases:
        with pytest.raises(ConfigFault) as caught:
            secret.resolve(tmp_path)
        assert said in caught.value.message
        assert caught.value.message.startswith(WHERE)
        assert caught.value.remedy
        assert "hunter22" not in caught.value.describe()
        assert "hunter22" not in repr(caught.value.__cause__)


def test_a_state_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigFault, match="cannot be kept"):
        ref(generated=True).resolve(tmp_path / "file")
