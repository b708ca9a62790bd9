"""What a fork's review showed is noted, and told when the merge trains the same key. In a folder and in a bucket."""

from __future__ import annotations

import pytest

from slipway import reviewed_bytes
from slipway.adapters.store import Place, Store
from slipway.errors import InputError, StoreError
from slipway.reviewed_bytes import Bytes, Shown, check, check_undisputed, dispute, disputed, show

from .adapters.test_store import s3, store  # noqa: F401  fixtures
from .delivery.test_source_image import CARD

HEAD = "a" * 40
OTHER = CARD.model_copy(update={"onnx_sha256": "d" * 64})


def found(store: Store, digest: str) -> Bytes:  # noqa: F811  a fixture
    return check(store, CARD.model, CARD.key, digest).bytes


def test_what_was_shown_is_the_same_or_another(store: Store) -> None:  # noqa: F811  a fixture
    assert found(store, CARD.onnx_sha256) is Bytes.NOT_SHOWN
    show(store, CARD, pull_request=7, head=HEAD)
    assert found(store, CARD.onnx_sha256) is Bytes.SAME
    different = check(store, CARD.model, CARD.key, "e" * 64)
    assert different.bytes is Bytes.DIFFERENT
    assert "not those that pull request 7 (at aaaaaaaaaaaa) showed" in reviewed_bytes.told(different)
    assert check(store, CARD.model, "0" * 64, CARD.onnx_sha256).bytes is Bytes.NOT_SHOWN
    assert reviewed_bytes.told(check(store, "other", CARD.key, CARD.onnx_sha256)) == ""


@pytest.mark.parametrize("order", [(OTHER, CARD), (CARD, OTHER)])
def test_a_false_note_hides_no_true_one(store: Store, order: tuple[object, ...]) -> None:  # noqa: F811  a fixture
    for number, card in enumerate(order, start=1):
        show(store, card, pull_request=number, head=HEAD)  # type: ignore[arg-type]  # cards they are
    assert found(store, CARD.onnx_sha256) is Bytes.SAME
    assert found(store, OTHER.onnx_sha256) is Bytes.SAME
    assert found(store, "e" * 64) is Bytes.DIFFERENT


def test_digests_that_begin_alike_are_not_taken_for_the_same(store: Store) -> None:  # noqa: F811  a fixture
    show(store, CARD, pull_request=1, head=HEAD)
    assert found(store, CARD.onnx_sha256[:16] + "0" * 48) is Bytes.DIFFERENT


def test_the_first_note_stays_and_one_that_was_half_written_is_healed(store: Store) -> None:  # noqa: F811  a fixture
    by_bytes = Place(model=CARD.model, key=CARD.key, entry=f"shown-{CARD.onnx_sha256[:16]}")
    note = Shown(onnx_sha256=CARD.onnx_sha256, pull_request=1, head=HEAD)
    store.put(by_bytes, {"shown.json": note.to_json()})  # and then its writer was killed
    assert found(store, "e" * 64) is Bytes.NOT_SHOWN
    show(store, CARD, pull_request=2, head=HEAD)
    assert check(store, CARD.model, CARD.key, CARD.onnx_sha256).note == note
    assert found(store, "e" * 64) is Bytes.DIFFERENT


@pytest.mark.parametrize("change", [{"model": "../x"}, {"key": "../../x"}, {"onnx_sha256": "a/b"}, {"key": "a" * 63}])
def test_a_card_that_names_no_place_is_refused(store: Store, change: dict[str, str]) -> None:  # noqa: F811  a fixture
    with pytest.raises(InputError):
        show(store, CARD.model_copy(update=change), pull_request=1, head=HEAD)
    with pytest.raises(InputError):
        dispute(store, CARD.model_copy(update=change), pull_request=1, head=HEAD)
    for entry in ("shown", "disputed"):
        assert store.get(Place(model="toy", key=CARD.key, entry=entry)) is None


def test_a_key_of_two_models_is_disputed_until_a_person_looked(store: Store) -> None:  # noqa: F811  a fixture
    check_undisputed(store, CARD.model, CARD.key)
    for number in (7, 8):  # the second run of the same, or another
        dispute(store, OTHER, pull_request=number, head=HEAD)
    assert disputed(store, CARD.model, CARD.key) == Shown(onnx_sha256="d" * 64, pull_request=7, head=HEAD)
    assert disputed(store, CARD.model, "0" * 64) is disputed(store, "other", CARD.key) is None
    with pytest.raises(StoreError, match=r"pull request 7 \(at aaaaaaaaaaaa\) handed on another model") as raised:
        check_undisputed(store, CARD.model, CARD.key)
    assert f"slipway tune {CARD.model} --store DIR" in raised.value.hint
    assert f"delete {CARD.model}/{CARD.key}/disputed from the store" in raised.value.hint
