"""The rules for records as they are configured: secrets of a region stay in it."""

import pytest

from kingbird.conf.sync import KEY_MANAGER_PROPERTIES
from kingbird.engine.plan_inputs import copy_rules
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.tests.unit.sync.scene import Scene

SIGNATURE = (
    "img_signature",
    "img_signature_certificate_uuid",
    "img_signature_hash_method",
    "img_signature_key_type",
)
SECRETS = (
    *SIGNATURE,
    "cinder_encryption_key_id",
    "hw_ephemeral_encryption_secret_uuid",
    "os_encrypt_key_id",
)
#: They would make the deletion of a copy delete the key of its source.
DELETION_POLICIES = ("cinder_encryption_key_deletion_policy", "os_encrypt_key_deletion_policy")
#: They ask for encryption, and name no secret.
FREE = ("hw_ephemeral_encryption", "hw_ephemeral_encryption_format", "os_encrypt_format")


@pytest.fixture
def image():
    names = (*SECRETS, *DELETION_POLICIES, *FREE)
    return Scene().create(**dict.fromkeys(names, "value"))


def copied(image, conf):
    return fields.record_for(image, "R1", copy_rules(conf), image_id=image["id"]).keys()


def test_the_signature_goes_with_its_certificate():
    assert set(SIGNATURE) <= set(KEY_MANAGER_PROPERTIES)


@pytest.mark.parametrize(("shared", "kept"), [(False, FREE), (True, (*FREE, *SECRETS))])
def test_secrets_are_copied_between_regions_with_one_key_manager_only(conf, image, shared, kept):
    conf.set_override("shared_key_manager", shared, group="sync")
    names = {*SECRETS, *DELETION_POLICIES, *FREE}
    assert copied(image, conf) & names == {*kept}


def test_dropped_properties_of_a_site_let_no_secret_through(conf, image):
    conf.set_override("dropped_properties", ["os_encrypt_format"], group="sync")
    assert not copied(image, conf) & {*SECRETS, "os_encrypt_format"}


@pytest.mark.parametrize(("shared", "differing"), [(False, ()), (True, SECRETS)])
def test_a_copy_with_secrets_of_its_own_region_is_in_sync(conf, image, shared, differing):
    conf.set_override("shared_key_manager", shared, group="sync")
    rules = copy_rules(conf)
    record = fields.record_for(image, "R1", rules, image_id=image["id"])
    copy = {**image, **dict.fromkeys(SECRETS, "another")}
    assert set(compare.differing_fields(record, copy)) == {*differing}
    assert compare.extra_fields(record, copy, rules) == ()
