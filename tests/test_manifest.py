"""`rnnreg sign` and `rnnreg verify`: what is changed, missing or added after signing is told."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.study import manifest


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A study's folder, its data, and a home for keys, in an empty place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    files = ("results/s/records/a@b/gru/l2.jsonl", "results/s/across.csv", "results/s/report.html")
    data = ("data/prepared/a@b.npz", "data/prepared/a@b.json", "data/raw/a/x.csv")
    others = ("results/s/logs/x.log", "data/prepared/other.npz", "data/raw/a/download.log")
    for name in (*files, *data, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"this is {name}")
    return tmp_path / "results/s"


def told(capsys, *arguments) -> tuple[int, str]:
    status = main([*arguments])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_what_was_signed_is_verified(results, capsys):
    assert told(capsys, "sign", "s")[0] == 0
    status, said = told(capsys, "verify", "results/s")
    assert status == 0
    assert said.startswith("3 files of results and 3 files of data are as they were signed on 2")
    assert "compare this one with what the signer has published" in said
    key = json.loads((results / "manifest.json").read_text())["public_key"]
    status, said = told(capsys, "verify", "s", "--public-key", key)
    assert status == 0
    assert "compare" not in said
    assert manifest.own_key().stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name",
    ["results/s/records/a@b/gru/l2.jsonl", "results/s/report.html", "data/prepared/a@b.npz",
     "data/raw/a/x.csv"],
)  # fmt: skip
def test_every_file_that_is_not_as_it_was_is_named(results, capsys, name):
    main(["sign", "s"])
    file = results.parents[1] / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"!")
    file.with_name("new.csv" if "raw" in name or "results" in name else "a@b.new").write_text("1")
    status, said = told(capsys, "verify", "s")
    assert status == 1

    assert f"{name}: changed" in said
    assert said.count(": added") == 1
    file.unlink()
    assert f"{name}: missing" in told(capsys, "verify", "s")[1]


def test_an_edited_manifest_does_not_fit_its_signature(results, capsys):
    main(["sign", "s"])
    file = results / "manifest.json"
    (results / "across.csv").write_text("better")
    edited = json.loads(file.read_text())
    edited["results"]["across.csv"] = manifest._hashes(results, results.parents[1] / "data")[
        "results"
    ]["across.csv"]
    file.write_text(json.dumps(edited))
    assert told(capsys, "verify", "s")[0] == 1
    assert manifest.verify(results)[1] == [
        f"{file}: not what was signed: its signature does not fit"
    ]


def test_signed_anew_with_another_key_is_told_to_who_knows_the_first(results, capsys):
    main(["sign", "s"])
    first = json.loads((results / "manifest.json").read_text())["public_key"]
    main(["sign", "s", "--key", "other.pem"])
    assert told(capsys, "verify", "s")[0] == 0
    status, said = told(capsys, "verify", "s", "--public-key", first)
    assert status == 1
    assert "manifest.json: signed by another key, " in said


def test_the_key_is_made_once(results):
    keys = [json.loads(manifest.sign(results).read_text())["public_key"] for _ in range(2)]
    assert keys[0] == keys[1]


def test_a_key_among_the_results_is_refused(results):
    with pytest.raises(UserError, match=r"--key .*: lies in the results that it signs"):
        manifest.sign(results, key=results / "key.pem")


def test_a_key_of_another_kind_is_refused(results, tmp_path):
    other = X25519PrivateKey.generate()
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (pem, b"no key"):
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(
            UserError, match=r"key\.pem: cannot be read as a private key .*Remedy: "
        ):
            manifest.sign(results, key=tmp_path / "key.pem")


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2}', '{"format": 1}', "\x00"])
def test_a_damaged_manifest_is_told(results, content):
    (results / "manifest.json").write_text(content)
    with pytest.raises(UserError, match=r"manifest\.json: cannot be read as a manifest"):
        manifest.verify(results)


def test_without_manifest_or_results_the_remedy_is_told(results, tmp_path):
    with pytest.raises(UserError, match=r"not there\. Remedy: python -m rnnreg sign results/s"):
        manifest.verify(results.relative_to(tmp_path))
    with pytest.raises(UserError, match=r"no results of a study: .*Remedy: name a study"):
        manifest.sign(tmp_path)


def test_a_link_to_a_folder_is_refused(results):
    records = results / "records"
    records.rename(results.parent / "elsewhere")
    records.symlink_to(results.parent / "elsewhere")
    with pytest.raises(UserError, match="records: a link to a folder, whose files would not be"):
        manifest.sign(results)


@pytest.mark.parametrize("key", ["", "12", "x" * 64])
def test_a_public_key_that_is_none(results, capsys, key):
    assert told(capsys, "sign", "s")[0] == 0
    status, said = told(capsys, "verify", "s", "--public-key", key)
    assert status == 2
    assert f"--public-key: given {key!r}, expected 64 hexadecimal digits." in said


def test_a_folder_is_no_key(results, capsys):
    status, said = told(capsys, "sign", "s", "--key", ".")
    assert status == 2
    assert "--key .: is a folder." in said
