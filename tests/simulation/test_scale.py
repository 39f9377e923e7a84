"""Sixteen validators decide, with five of them gone, for little more than the protocol costs.

Larger ones: `python -m tests.simulation.scale --size 50`.
"""

from hansa.membership import fault_bound
from tests.simulation import scale

SEEDS = {
    "test_sixteen_validators_cost_what_the_protocol_costs": range(2),
    "test_sixteen_validators_decide_without_five_of_them": range(3),
}


def test_sixteen_validators_cost_what_the_protocol_costs(seed):
    messages, sim = scale.run(seed, 16, 4, faults=0)

    assert scale.ideal(16) <= messages + scale.ideal(16) / 4  # the last height is not over
    assert messages <= 1.6 * scale.ideal(16)
    assert not sim.met["view-change"]


def test_sixteen_validators_decide_without_five_of_them(seed):
    _, sim = scale.run(seed, 16, 3, faults=fault_bound(16))

    running = {index for _, index, _, _ in sim.commits}
    assert len(running) >= 11


def test_the_command_says_what_a_height_costs(capsys):
    assert scale.main(["--size", "7", "--heights", "2"]) == 0

    said = capsys.readouterr().out
    assert "n = 7, 0 of them silent or stopped, seed 0:" in said
    assert "n = 7, 2 of them silent or stopped, seed 0:" in said
    assert "90 ideal" in said
    assert said.endswith("violations 0\n")


def test_the_command_fails_where_the_heights_are_not_reached(capsys, monkeypatch):
    monkeypatch.setattr(scale, "LIVE_MS", 50)

    assert scale.main(["--size", "4", "--heights", "50"]) == 1

    assert "✗ n = 4, 0 of them" in capsys.readouterr().out
