"""A signed manifest: the hash of every file of a study, and an Ed25519 signature of them.

It tells forgery, where the hashes inside records tell accidents: who changes a file can write its
hash anew, but not the signature (RFC 8032, by the package cryptography). The private key stays
with its owner, outside the project and its results.
"""

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from rnnreg.errors import UserError
from rnnreg.study import records
from rnnreg.study.variants import base

NAME = "manifest.json"
FORMAT = 1
LEFT_OUT = ("logs", NAME)  # of a study's folder, beside hidden files
KEY = re.compile(r"[0-9a-fA-F]{64}")


def own_key() -> Path:
    """Where the private key of this user lies, once there is one."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "rnnreg" / "signing_key.pem"


def sign(folder: Path, data: Path = Path("data"), key: Path | None = None) -> Path:
    """Write folder/manifest.json: sha256 of all its files and of its data, signed.

    The key is made where there is none. UserError where it cannot be read, or lies in the folder.
    """
    hashes = _hashes(folder, data)  # first: a key is not made for nothing
    private = _private(folder, key or own_key())
    told = {
        "format": FORMAT,
        "signed": datetime.now(UTC).isoformat(timespec="seconds"),
        **hashes,
        "public_key": private.public_key().public_bytes_raw().hex(),
    }
    told["signature"] = private.sign(_bytes(told)).hex()
    records.write_text(folder / NAME, json.dumps(told, indent=1) + "\n")
    return folder / NAME


def verify(
    folder: Path, data: Path = Path("data"), public: str | None = None
) -> tuple[dict, list[str]]:
    """The manifest of a study, and what is wrong: an empty list where nothing is.

    `public` is the signer's public key, 64 hexadecimal digits; None: that of the manifest.
    UserError where there is no manifest, or none that can be read.
    """
    told = _read(folder / NAME)
    if public is not None and not KEY.fullmatch(public):
        raise UserError(f"--public-key: given {public!r}, expected 64 hexadecimal digits.")
    if public is not None and public.lower() != told["public_key"]:
        return told, [f"{folder / NAME}: signed by another key, {told['public_key']}"]
    try:
        signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told["public_key"]))
        signer.verify(bytes.fromhex(told["signature"]), _bytes(told))
    except (InvalidSignature, ValueError):
        return told, [f"{folder / NAME}: not what was signed: its signature does not fit"]
    there, wrong = _hashes(folder, data), []
    for part, root in (("results", folder), ("data", data)):
        signed, found = told[part], there[part]
        for name in sorted({*signed, *found}):
            if name not in found:
                wrong.append(f"{root / name}: missing")
            elif name not in signed:
                wrong.append(f"{root / name}: added")
            elif signed[name] != found[name]:
                wrong.append(f"{root / name}: changed")
    return told, wrong


def _hashes(folder: Path, data: Path) -> dict[str, dict[str, str]]:
    """{"results" | "data": {path: sha256}}, each path from the folder of its part."""
    if not (folder / "records").is_dir():
        raise UserError(
            f"{folder}: no results of a study: {folder / 'records'} is not there. Remedy: name a "
            "study that has run here, or its folder, results/<study>."
        )
    own = [f for f in _below(folder) if f.relative_to(folder).parts[0] not in LEFT_OUT]
    names = [f.name for f in (folder / "records").iterdir() if f.is_dir()]
    used = [f for name in names for f in (data / "prepared").glob(f"{name}.*")]
    used = [f for f in used if f.suffix != ".log"]  # of `prepare`
    raw = [f for n in {*map(base, names)} for f in _below(data / "raw" / n)]
    used += [f for f in raw if f.name != "download.log"]
    parts = {"results": (folder, own), "data": (data, used)}
    return {
        part: {
            f.relative_to(root).as_posix(): _sha256(f)
            for f in sorted(files)
            if f.is_file() and not any(p.startswith(".") for p in f.relative_to(root).parts)
        }
        for part, (root, files) in parts.items()
    }


def _below(folder: Path) -> list[Path]:
    """Files and folders below one; UserError where a folder is a link, below which none is seen."""
    found = list(folder.rglob("*"))
    for place in (folder, *found):
        if place.is_symlink() and place.is_dir():
            raise UserError(
                f"{place}: a link to a folder, whose files would not be signed. Remedy: the folder "
                "itself in its place (mount --bind, say, or a copy)."
            )
    return found


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}).") from error


def _bytes(told: dict) -> bytes:
    """What is signed: everything but the signature, as JSON with sorted keys."""
    content = {name: value for name, value in told.items() if name != "signature"}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _read(file: Path) -> dict:
    if not file.is_file():
        raise UserError(f"{file}: not there. Remedy: python -m rnnreg sign {file.parent}")
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}, and this rnnreg reads {FORMAT}")
        kinds = {"results": dict, "data": dict, "public_key": str, "signature": str, "signed": str}
        for name, kind in kinds.items():
            if not isinstance(told[name], kind):
                raise ValueError(f"{name} is {told[name]!r:.60}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{file}: cannot be read as a manifest ({error}). Remedy: take it again from where it "
            "was signed."
        ) from error
    return told


def _private(folder: Path, file: Path) -> Ed25519PrivateKey:
    """The private key in a file; a new one, written there for this user alone, where it is not."""
    if file.is_dir():
        raise UserError(f"--key {file}: is a folder. Remedy: name a file, which is made in it.")
    if file.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"--key {file}: lies in the results that it signs, and would be handed on with them. "
            "Remedy: a file outside of them."
        )
    if not file.is_file():
        private = Ed25519PrivateKey.generate()
        text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_name(f".{file.name}.{os.getpid()}.part")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as opened:
                opened.write(text)
            records.move(part, file)
        except OSError as error:
            raise UserError(
                f"{file}: cannot write ({error.strerror}). Remedy: --key, with a file that this "
                "user may write."
            ) from error
        return private
    try:
        private = load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"a key of another kind, {type(private).__name__}")
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{file}: cannot be read as a private key ({error}). Allowed are Ed25519 keys in PEM "
            "without a password. Remedy: --key with another file; one that is not there is made."
        ) from error
    return private
