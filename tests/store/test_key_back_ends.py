"""Keys that are no files: in a KMS, in an HSM; and what is said where one cannot be used."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from securesystemslib.signer import CryptoSigner, HSMSigner, SSlibKey

from smartwatts_ml.errors import BadInputError, TrustError, UsageError
from smartwatts_ml.store import Store
from tests.ministack import Ministack
from tests.store.helpers import content, new_store, publish
from tests.store.pull_runners import JavaPuller, arguments, python_puller
from tests.store.test_commands import call

pytestmark = pytest.mark.slow
SOFTHSM = next(Path("/usr/lib").glob("**/libsofthsm2.so"), None)
ROLES = ("models", "snapshot", "timestamp")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with one version, whose keys are files."""
    monkeypatch.setenv("SMARTWATTS_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    made = new_store(str(tmp_path / "root"), tmp_path)
    publish(made, "nilm", "run1")
    return made


def pem(key: SSlibKey, path: Path) -> Path:
    path.write_text(key.keyval["public"])
    return path


def check_published_and_pulled(store: Store, tmp_path: Path, java: JavaPuller) -> None:
    """A version is, without a private key in a file; and a run again is no second one."""
    assert not list(store.keys.path.glob("online/*"))
    done = publish(store, "nilm", "run2")
    assert publish(store, "nilm", "run2") == done
    assert store.verify("nilm").findings == store.verify_repository().findings == ()
    for puller in (python_puller, java):
        folder = tmp_path / f"pulled by {type(puller).__name__}"
        words = [*arguments(tmp_path / "root", tmp_path / "root.json", folder), "nilm"]
        ended = puller(words, {})
        assert ended.code == 0, ended
        assert (folder / "nilm.tflite").read_bytes() == content("run2")


# A KMS


@pytest.fixture
def kms(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of it, in an environment that reaches it."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", ministack.url)
    return boto3.client("kms")


def new_kms_key(kms: Any, spec: str, folder: Path) -> tuple[str, Path]:
    """Its URI, and a file of its public half."""
    keyid = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    public = load_der_public_key(kms.get_public_key(KeyId=keyid)["PublicKey"])
    path = folder / f"{keyid}.pem"
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return f"awskms:{keyid}", path


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine")
@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048"])
def test_keys_in_a_kms_publish_and_both_pullers_verify(
    store: Store, kms: Any, java: JavaPuller, tmp_path: Path, spec: str
) -> None:
    (tmp_path / "root.json").write_text(call("keys", "show").stdout)
    for role in ROLES:
        uri, public = new_kms_key(kms, spec, tmp_path)
        call("keys", "rotate", role, "--uri", uri, "--public", str(public))
    check_published_and_pulled(store, tmp_path, java)


def test_a_key_that_does_not_sign_changes_nothing(store: Store, kms: Any, tmp_path: Path) -> None:
    uri, public = new_kms_key(kms, "ECC_NIST_P256", tmp_path)
    kms.disable_key(KeyId=uri.removeprefix("awskms:"))
    check_refused(store, TrustError, r"awskms key.*DisabledException", uri, public)


def test_a_key_of_the_store_that_does_not_sign_any_more_is_named(
    store: Store, kms: Any, tmp_path: Path
) -> None:
    uri, public = new_kms_key(kms, "ECC_NIST_P256", tmp_path)
    call("keys", "rotate", "models", "--uri", uri, "--public", str(public))
    kms.disable_key(KeyId=uri.removeprefix("awskms:"))
    with pytest.raises(TrustError, match=r"awskms key.*DisabledException"):
        publish(store, "nilm", "run2")
    kms.enable_key(KeyId=uri.removeprefix("awskms:"))
    assert publish(store, "nilm", "run2").version == 2


def test_a_region_that_is_missing_is_asked_for(
    store: Store, use_s3: Any, s3_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_s3(s3_server)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    public = pem(CryptoSigner.generate_ecdsa().public_key, tmp_path / "public.pem")
    check_refused(store, TrustError, "NoRegionError.*AWS_DEFAULT_REGION", "awskms:alias/x", public)


# An HSM


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Label of a token of SoftHSM with an ECDSA key."""
    if importlib.util.find_spec("pkcs11") is None or SOFTHSM is None:
        pytest.skip('apt-get install softhsm2; pip install "securesystemslib[hsm]"')
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(SOFTHSM))
    made = ["softhsm2-util", "--init-token", "--free", "--label", "models"]
    subprocess.run([*made, "--pin", "4711", "--so-pin", "0815"], check=True, capture_output=True)
    curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    with (
        pkcs11.lib(str(SOFTHSM))
        .get_token(token_label="models")
        .open(rw=True, user_pin="4711") as session
    ):
        parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        parameters.generate_keypair(id=b"\x02", label="models", store=True)
    return "models"


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK on this machine")
def test_keys_in_an_hsm_publish_and_both_pullers_verify(
    store: Store, token: str, java: JavaPuller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root.json").write_text(call("keys", "show").stdout)
    uri, key = HSMSigner.import_(token_label=token)
    public = pem(key, tmp_path / "public.pem")
    check_refused(store, TrustError, "wants a pin.*SMARTWATTS_KEY_SECRET_FILE", uri, public)
    secret = tmp_path / "pin"
    monkeypatch.setenv("SMARTWATTS_KEY_SECRET_FILE", str(secret))
    check_refused(store, TrustError, "cannot read .*pin", uri, public)
    secret.write_text("4712\n")
    check_refused(store, TrustError, "hsm key.*PinIncorrect.*PYKCS11LIB", uri, public)
    secret.write_text("4711\n")
    for role in ROLES:
        call("keys", "rotate", role, "--uri", uri, "--public", str(public))
    check_published_and_pulled(store, tmp_path, java)


# Of any kind


def check_refused(store: Store, error: type[Exception], said: str, uri: str, public: Path) -> None:
    """No role has another key than before, nor does this machine know of one."""
    before = (json.loads(call("keys", "list", "--json").stdout), store.keys.uris())
    with pytest.raises(error, match=said):
        call("keys", "rotate", "timestamp", "--uri", uri, "--public", str(public))
    assert (json.loads(call("keys", "list", "--json").stdout), store.keys.uris()) == before


@pytest.mark.parametrize(
    ("uri", "extra"),
    [("gcpkms:projects/x", "gcpkms"), ("azurekms://x/keys/k/1", "azurekms"), ("hv:k/1", "vault")],
)
def test_a_library_that_is_missing_is_named(
    store: Store, tmp_path: Path, uri: str, extra: str
) -> None:
    public = pem(CryptoSigner.generate_ecdsa().public_key, tmp_path / "public.pem")
    check_refused(store, TrustError, rf'pip install "securesystemslib\[{extra}\]"', uri, public)


@pytest.mark.parametrize("scheme", ["file2", "awskms"])
def test_a_public_half_of_another_key_is_refused(
    store: Store, kms: Any, tmp_path: Path, scheme: str
) -> None:
    private = tmp_path / "private.pem"
    private.write_bytes(CryptoSigner.generate_ecdsa().private_bytes)
    uri = f"file2:{private}"
    if scheme == "awskms":
        uri = new_kms_key(kms, "ECC_NIST_P256", tmp_path)[0]
    public = pem(CryptoSigner.generate_ecdsa().public_key, tmp_path / "public.pem")
    check_refused(store, UsageError, f"not that of the {scheme} key", uri, public)


def test_a_key_that_no_gateway_takes_is_refused(store: Store, tmp_path: Path) -> None:
    key = SSlibKey.from_crypto(ec.generate_private_key(ec.SECP384R1()).public_key())
    public = pem(key, tmp_path / "public.pem")
    check_refused(store, BadInputError, "no gateway would take.*nistp384", "awskms:x", public)


def test_a_uri_of_another_scheme_is_refused(store: Store, tmp_path: Path) -> None:
    public = pem(CryptoSigner.generate_ecdsa().public_key, tmp_path / "public.pem")
    check_refused(store, UsageError, "one of file2:, awskms:", "gnupg:x", public)
