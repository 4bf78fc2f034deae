"""How far experts and the spaces of routes are from each other."""

import numpy as np
import pytest

from mote_demo.data.samples import load_samples
from mote_demo.errors import UserError
from mote_demo.study.route_spaces import expert_distances, measure_spaces
from mote_demo.tasks import Route


def test_experts_are_at_no_distance_from_themselves_and_further_the_more_they_differ(
    fresh_mote, tiny_baseline_encoder, tiny_untouched_encoder
):
    others = tiny_baseline_encoder.model, tiny_untouched_encoder.model
    (first, last) = expert_distances(fresh_mote, *others)
    assert (first["block"], last["block"]) == (1, 3)
    distance = np.array(first["distance"])
    assert np.allclose(np.diag(distance), 0)
    assert np.allclose(distance, distance.T)
    assert (distance[np.triu_indices(5, 1)] > 0).all()
    for parameter in fresh_mote.expert_parameters("sts").values():
        parameter.data *= 3
    further = expert_distances(fresh_mote, *others)[0]
    assert further["distance"][4][0] > distance[4, 0]
    assert further["from_start"][4] > first["from_start"][4] > 0
    assert further["from_start"][:4] == first["from_start"][:4]
    assert first["baseline_from_start"] == 0


def test_routes_with_one_expert_share_a_space_and_others_do_not(
    tiny_baseline_encoder, tiny_encoder, tiny_untouched_encoder
):
    sharing = tiny_encoder.model.with_experts({"sts": "clustering"})
    for route in ("sts", "clustering"):
        sharing.config.routes[route]["instruction"] = "same: "
    spaces = measure_spaces(
        tiny_baseline_encoder, tiny_encoder.with_network(sharing), load_samples(), tiny_untouched_encoder
    )
    assert spaces["cka"]["mote"][3][4] == pytest.approx(1, abs=1e-4)
    assert spaces["shared"]["mote"][3][4] == 1
    assert spaces["cka"]["mote"][0][3] < 0.99
    assert spaces["shared"]["mote"][0][3] < 0.99
    for model in ("baseline", "mote"):
        for kind in ("cka", "shared"):
            values = np.array(spaces[kind][model])
            assert values.shape == (5, 5)
            assert np.allclose(np.diag(values), 1, atol=1e-4)
    assert spaces["count"] == 240


def test_models_with_other_routes_are_not_compared(tiny_baseline_encoder, tiny_encoder, tiny_untouched_encoder):
    route = Route("grown", "grown: ")
    layers = {path: tiny_encoder.model.backbone.get_submodule(path)["sts"] for path in tiny_encoder.model.expert_paths}
    with pytest.raises(UserError, match=r"the same routes"):
        measure_spaces(
            tiny_baseline_encoder,
            tiny_encoder.with_route("grown", route, layers),
            load_samples(),
            tiny_untouched_encoder,
        )
