"""What cannot be a description is told where it is wrong."""

import pytest

from actorrouter.simulation.providers.config import ConfigInvalid, read_config

from .clients import DESCRIBED


@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        ("amount = 6", 'amount = "6"', "$.providers['sim'].scopes['org'].limits[0].amount"),
        ("amount = 6", "amount = -6", "$.providers['sim'].scopes['org'].limits[0]"),
        ('scopes = ["org"]', 'scopes = "org"', "$.providers['sim'].keys['a'].scopes"),
        ('scopes = ["org"]', 'scopes = ["other"]', "$.providers['sim']"),
        ("models =", "modles =", "$.providers['sim']"),
        ("[providers.sim]", "[providers.sim", "$"),
    ],
)
def test_a_faulty_description_names_the_place(was, becomes, path):
    """The typed error says where, and never shows a secret."""
    with pytest.raises(ConfigInvalid) as caught:
        read_config(DESCRIBED.replace(was, becomes, 1))
    assert path in [place for place, _ in caught.value.faults]
    assert "secret-" not in str(caught.value)
