"""Guide 4.2: the image of the right product line, with the hash its publisher gives; nothing else is sent to a unit.

Nothing is flashed here: the guard is asked, and what it refuses never gets as far as the network.
"""

from hashlib import sha512

import pytest

from fixtures.marks import control
from nportlab.firmware.images import load_folder, load_images
from nportlab.guide.firmware import product_lines, versions
from nportlab.verdicts.faults import ConfigFault, NotApplicable
from nportlab.verdicts.problems import Problems
from tests.firmware._guard import Guard, change_one_byte, copied, let_through, prove, traffic

pytestmark = pytest.mark.firmware


@pytest.fixture
def images(lab):
    """The images of the lab, verified."""
    if lab.firmware is None:
        raise NotApplicable(
            f"{lab.path.name} names no images: add `firmware: {{images: folder}}`, see docs/firmware.md"
        )
    return load_images(lab)


@pytest.fixture
def guard(lab, unit, images):
    """What keeps wrong images from the unit."""
    return Guard(lab, unit, images)


@pytest.fixture
def listening(held_unit, evidence):
    """`with listening() as said:` what goes to the unit meanwhile; that it would be noticed is shown before."""
    prove(held_unit, evidence)
    return lambda: traffic(held_unit, evidence)


@control("FWU-02")
def test_the_image_for_the_unit_is_named_with_line_version_hash_and_source(guard, images, evidence):
    own = list(images.for_model(guard.own_image().models[0]).values())
    lines = [f"{image.path.name}  {image.line}  {image.version}  {image.sha512}  {image.source}" for image in own]
    newest = list(versions())[-1]
    evidence.write("images.txt", "\n".join([*lines, f"newest at hand {own[-1].version}, newest known {newest}"]) + "\n")
    for image in own:
        assert image.line in product_lines() and image.version in versions(), image.where
        assert len(image.sha512) == 128 and image.source.strip(), image.where


@control("FWU-02")
def test_an_image_of_the_other_product_line_is_refused_before_anything_is_sent(guard, listening, evidence):
    own, foreign = guard.own_image(), guard.foreign_image()
    with listening() as said:
        refused = guard.reasons(foreign)
    assert [reason for reason in refused if f"is for the line {foreign.line}" in reason], (
        f"an image for {foreign.line} is not refused for a {guard.unit.model}"
    )
    assert said.nothing, f"the harness spoke to the unit before it refused: {said}"
    before = guard.reasons(own)
    assert not [reason for reason in before if "is for" in reason], "an image of the unit's own line is refused as well"
    evidence.positive_control(f"{own.path.name} is {let_through(before)}")


@control("FWU-03")
def test_the_images_for_the_unit_have_the_hash_that_is_published(guard, images):
    for image in images.for_model(guard.own_image().models[0]).values():
        assert sha512(image.path.read_bytes()).hexdigest() == image.sha512, image.where


@control("FWU-03")
@pytest.mark.parametrize("at", [0.0, 0.5, 1.0], ids=["first", "middle", "last"])
def test_an_image_with_one_changed_byte_is_refused_before_anything_is_sent(at, guard, listening, tmp_path, evidence):
    folder = copied(guard.own_image(), tmp_path)
    (image,) = load_folder(folder).images
    before = guard.reasons(image)
    evidence.positive_control(f"unchanged, {image.path.name} is {let_through(before)}")
    change_one_byte(image.path, at)
    with listening() as said:
        refused = guard.reasons(image)
    # Where lab.yaml does not permit a flash, that is all the guard says; the last look at the bytes is asked by itself.
    assert before or any("SHA-512" in reason for reason in refused), "the guard lets a changed image through"
    assert said.nothing, f"the harness spoke to the unit before it refused: {said}"
    with pytest.raises(ConfigFault):
        image.read()
    with pytest.raises(Problems):
        load_folder(folder)
