"""Priors as densities and as samplers: in two dimensions, where everything can be checked by numbers."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, cast

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from laboratory import flow as flow_module
from laboratory import mixture_fitting
from laboratory.flow import Flow
from laboratory.flow_training import FlowTraining
from laboratory.latents import Latents, with_labels_in_use
from laboratory.mixture import Mixture, Normal
from laboratory.mixture_fitting import fit_gaussian, fit_mixture, posterior_units, rescaled, unstandardised
from laboratory.priors import label_codes, tempered
from pipeline.errors import ParamsError
from pipeline.params import FitParams
from vae.data import seeded

if TYPE_CHECKING:
    from laboratory.priors import Prior

CPU = torch.device("cpu")
SIDES = {"side": ["left", "right"]}
CLUMPS = MultivariateNormal(
    torch.tensor([[-2.0, 0.5], [1.5, -0.5]]),
    torch.tensor([[[0.3, 0.1], [0.1, 0.4]], [[0.5, -0.3], [-0.3, 0.6]]]),
)
TRUTH = MixtureSameFamily(Categorical(torch.tensor([0.3, 0.7])), CLUMPS)


def posteriors(count: int = 3000) -> Latents:
    """Sharp posteriors whose means are samples of two clumps; the labels say which clump."""
    generator = seeded(CPU, "test", 0)
    clump = (torch.rand(count, generator=generator) < 0.7).long()
    noise = torch.randn(count, 2, 1, generator=generator)
    z = CLUMPS.loc[clump] + (CLUMPS.scale_tril[clump] @ noise).squeeze(2)
    return Latents(z, torch.full_like(z, -6.0), clump.unsqueeze(1))


@pytest.fixture(scope="module")
def flow() -> Flow:
    """A small flow that has seen the two clumps, in float64."""
    params = FitParams(
        width=48, blocks=2, components=1, images=100_000, minibatch=512, learning_rate=5e-3, ema_images=10_000
    )
    latents = posteriors()
    gaussian = fit_gaussian(latents)
    units = posterior_units(latents, gaussian)
    mixture = rescaled(fit_mixture(latents, gaussian, 1, seed=0), gaussian, units)
    training = FlowTraining(params, units, mixture, SIDES, latents, latents)
    while training.images_seen < params.images:
        training._step()
    return training.average.double()


def grid() -> tuple[Tensor, float]:
    """Points that cover all of the mass, float64 [N, 2], and the area of each."""
    axis = torch.linspace(-6.0, 6.0, 49, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), float(axis[1] - axis[0]) ** 2


def points() -> Tensor:
    z: Tensor = TRUTH.sample((40,)).double()
    return z


def test_a_flow_integrates_to_one_and_is_near_the_truth(flow: Flow) -> None:
    z, area = grid()
    found = flow.log_prob(z)
    assert float(found.exp().sum() * area) == pytest.approx(1.0, abs=0.01)
    truth = TRUTH.log_prob(z.float()).double()
    divergence = float(((truth - found) * truth.exp()).sum() * area)
    gaussian = float(((truth - flow.base.log_prob(z)) * truth.exp()).sum() * area)
    assert divergence < 0.1
    assert gaussian > 0.4


def difference_of_densities(flow: Flow) -> Tensor:
    """Between `log_prob` and what finite differences of the map from noise say, nats [N]."""
    noise = torch.randn(40, 2, generator=seeded(CPU, "noise", 0), dtype=torch.float64)
    step = 1e-4
    columns = [
        (flow.from_noise(noise + step * axis) - flow.from_noise(noise - step * axis)) / (2 * step)
        for axis in torch.eye(2, dtype=torch.float64)
    ]
    volume = torch.stack(columns, 2).det().abs().log()
    wanted = Normal("standard", 2).double().log_prob(noise) - volume
    return flow.log_prob(flow.from_noise(noise)).sub(wanted).abs()


def test_a_flows_density_is_that_of_its_map(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    found = difference_of_densities(flow)
    assert found.mean() < 0.003
    assert found.quantile(0.9) < 0.01
    monkeypatch.setattr(flow_module, "STEPS", 120)  # what is left is the size of the steps
    assert difference_of_densities(flow).max() < 0.01


def test_a_flow_goes_back_to_its_noise(flow: Flow) -> None:
    noise = torch.randn(200, 2, generator=seeded(CPU, "noise", 1), dtype=torch.float64)
    back = flow.to_noise(flow.from_noise(noise))
    assert back.sub(noise).abs().max() < 0.01
    label = torch.tensor([1])
    assert flow.to_noise(flow.from_noise(noise, label), label).sub(noise).abs().max() < 0.01


def test_hutchinsons_estimate_has_no_bias(flow: Flow) -> None:
    z = TRUTH.sample((30,)).double()
    exact = flow.log_prob(z)
    one = flow.log_prob(z, probes=1, generator=seeded(CPU, "probes", 0))
    assert one.sub(exact).abs().max() > 0.05
    many = flow.log_prob(z.repeat(10, 1), probes=4, generator=seeded(CPU, "probes", 1)).view(10, -1)
    errors = (many - exact).mean(1)
    assert abs(float(errors.mean())) < 4 * float(errors.std()) / math.sqrt(len(errors)) + 1e-4
    again = flow.log_prob(z, probes=1, generator=seeded(CPU, "probes", 0))
    assert torch.equal(one, again)


def test_a_divergence_in_parts_is_the_whole_one(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    z, labels = TRUTH.sample((9,)).double(), torch.tensor([[0], [1], [-1]] * 3)
    whole = flow.log_prob(z, labels)
    monkeypatch.setattr(flow_module, "_ROWS", 4)
    assert flow.log_prob(z, labels).sub(whole).abs().max() < 1e-9


def test_labels_say_which_clump(flow: Flow) -> None:
    def share_left(labels: Tensor | None, guidance: float = 1.0) -> float:
        z = flow.float().sample(400, seeded(CPU, "labels", 0), labels=labels, guidance=guidance)
        return float((z[:, 0] < -0.4).float().mean())

    left, right = torch.tensor([0]), torch.tensor([1])
    assert share_left(None) == share_left(torch.tensor([-1])) == pytest.approx(0.3, abs=0.08)
    assert share_left(left) > 0.9
    assert share_left(right) < 0.1
    assert share_left(left, 3.0) >= share_left(left)
    each = torch.tensor([[0], [1]] * 200)
    z = flow.sample(400, seeded(CPU, "labels", 0), labels=each)
    assert (z[0::2, 0] < -0.4).float().mean() > 0.9
    assert (z[1::2, 0] < -0.4).float().mean() < 0.1
    flow.double()
    clump = torch.tensor([[-2.0, 0.5]], dtype=torch.float64)
    assert flow.log_prob(clump, left) > flow.log_prob(clump) > flow.log_prob(clump, right)


@pytest.mark.parametrize("asked", [None, torch.tensor([-1])])
def test_what_is_not_asked_for_is_as_in_the_data(flow: Flow, asked: Tensor | None) -> None:
    flow = copy.deepcopy(flow).float()

    def share_left(codes: list[int]) -> float:
        flow.know_labels(torch.tensor(codes).unsqueeze(1))
        return float((flow.sample(400, seeded(CPU, "kinds", 0), asked)[:, 0] < -0.4).float().mean())

    assert share_left([0, 0, 0]) > 0.9
    assert share_left([1]) < 0.1
    assert share_left([0, 1, 1, 1]) == pytest.approx(0.25, abs=0.08)
    assert share_left([-1, -1]) == pytest.approx(0.3, abs=0.08)


def test_guidance_insists_on_what_is_not_asked_for_too(flow: Flow) -> None:
    flow = copy.deepcopy(flow).float()
    flow.know_labels(torch.tensor([[1]]))
    drawn = {
        (asked, guidance): flow.sample(9, seeded(CPU, "kinds", 0), torch.tensor([asked]), guidance)
        for asked in (-1, 1)
        for guidance in (1.0, 2.0)
    }
    assert torch.equal(drawn[-1, 2.0], drawn[1, 2.0])
    assert not torch.equal(drawn[-1, 2.0], drawn[-1, 1.0])
    assert torch.equal(flow.sample(9, seeded(CPU, "kinds", 0), None, 2.0), drawn[1, 2.0])


def test_a_gaussian_is_the_aggregated_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture_fitting, "_PART", 1024)
    latents = posteriors()
    wide = Latents(latents.mean, torch.full_like(latents.mean, math.log(2.0)), latents.labels)
    prior = fit_gaussian(wide)
    covariance = torch.cov(wide.mean.T.double(), correction=0) + 2.0 * torch.eye(2)
    reference = MultivariateNormal(wide.mean.mean(0).double(), covariance)
    z = points()
    assert prior.log_prob(z.float()).sub(reference.log_prob(z)).abs().max() < 1e-4
    noise = prior.to_noise(z.float())
    assert prior.from_noise(noise).sub(z).abs().max() < 1e-5
    drawn = prior.sample(20_000, seeded(CPU, "sample", 0))
    assert torch.cov(drawn.T).sub(covariance).abs().max() < 0.15


def test_a_flow_moves_in_units_of_the_posteriors_noise() -> None:
    spreads = torch.tensor([1.0, 1.0, 3.0, 1.0])
    noise = torch.tensor([0.1, 0.2, 0.3, 5.0])  # the last says next to nothing
    means = spreads * torch.randn(4000, 4, generator=seeded(CPU, "means", 0))
    latents = Latents(means, (2.0 * noise.log()).expand(4000, 4), torch.zeros(4000, 0, dtype=torch.int64))
    units = posterior_units(latents, fit_gaussian(latents))
    z = latents.draw(torch.arange(4000), torch.randn(4000, 4, generator=seeded(CPU, "noise", 0)))
    variance = units.to_noise(z).var(0)
    ratio = units.cholesky.diagonal() / noise
    assert ratio[:3].div(ratio[0]).sub(1.0).abs().max() < 1e-4
    assert float(variance.mean()) == pytest.approx(1.0, abs=0.05)
    assert float(variance[3]) == pytest.approx(0.1, rel=0.2)
    assert float(units.to_noise(latents.mean).mean().abs()) < 1e-4


def test_a_mixture_means_the_same_in_any_units() -> None:
    latents = posteriors()
    base = fit_gaussian(latents)
    mixture, units = fit_mixture(latents, base, 2, seed=0), posterior_units(latents, base)
    moved = unstandardised(rescaled(mixture, base, units), units)
    z = points().float()
    assert moved.log_prob(z).sub(unstandardised(mixture, base).log_prob(z)).abs().max() < 1e-3


def test_a_mixture_finds_the_clumps() -> None:
    latents = posteriors()
    base = fit_gaussian(latents)
    prior = unstandardised(fit_mixture(latents, base, 2, seed=0), base)
    z = points().float()
    reference = MixtureSameFamily(
        Categorical(prior.weights), MultivariateNormal(prior.means, scale_tril=prior.choleskys)
    )
    assert prior.log_prob(z).sub(reference.log_prob(z)).abs().max() < 1e-4
    held_out = TRUTH.sample((4000,))
    assert float((TRUTH.log_prob(held_out) - prior.log_prob(held_out)).mean()) < 0.02
    drawn = prior.sample(4000, seeded(CPU, "sample", 0))
    assert float((drawn[:, 0] < -0.4).float().mean()) == pytest.approx(0.3, abs=0.04)


def test_a_mixture_has_more_components_than_faces_if_need_be() -> None:
    few = posteriors(3)
    prior = fit_mixture(few, fit_gaussian(few), 8, seed=0)
    assert prior.log_prob(few.mean.double()).isfinite().all()


def test_a_mixture_has_no_map_from_noise() -> None:
    with pytest.raises(ParamsError, match="choose `standard`, `gaussian` or `flow`"):
        Mixture(2, 3).from_noise(torch.zeros(1, 3))
    with pytest.raises(ParamsError, match="found `gmm`"):
        Mixture(2, 3).to_noise(torch.zeros(1, 3))


def test_a_fresh_flow_is_its_mixture() -> None:
    latents = posteriors()
    base = fit_gaussian(latents)
    mixture = fit_mixture(latents, base, 2, seed=0)
    fresh = Flow(16, 1, 2, 2, {})
    units = posterior_units(latents, base)
    fresh.base.load_state_dict(units.state_dict())
    fresh.start.take(rescaled(mixture, base, units))
    z = points()
    assert fresh.double().log_prob(z).sub(unstandardised(mixture, base).double().log_prob(z)).abs().max() < 0.01


def test_a_fresh_flow_is_its_gaussian() -> None:
    fresh = Flow(16, 1, 2, 3, {})
    noise = torch.randn(5, 3, generator=seeded(CPU, "noise", 0))
    assert fresh.from_noise(noise).sub(noise).abs().max() < 1e-6
    assert fresh.log_prob(noise).sub(Normal("standard", 3).log_prob(noise)).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["standard", "gaussian", "gmm", "flow"])
def test_temperature_is_the_distance_from_where_all_latents_have_their_mean(name: str) -> None:
    latents = posteriors()
    base = fit_gaussian(latents)
    mixture = fit_mixture(latents, base, 2, seed=0)
    flow = Flow(16, 1, 2, 2, {})
    flow.base.load_state_dict(base.state_dict())
    flow.start.take(mixture)
    known = {"standard": Normal("standard", 2), "gaussian": base, "gmm": unstandardised(mixture, base), "flow": flow}
    prior = cast("Prior", known[name])
    z = prior.sample(4000, seeded(CPU, "sample", 0))
    assert z.mean(0).sub(prior.centre).abs().max() < 0.05
    assert tempered(prior, z, 1.0).sub(z).abs().max() < 1e-6
    assert tempered(prior, z, 2.0).std(0).div(z.std(0)).sub(2.0).abs().max() < 1e-5
    assert len(tempered(prior, z, 0.0).unique(dim=0)) == 1


def test_labels_that_no_face_has_are_dropped() -> None:
    vocabulary = {"eyes": ["blue"], "ground": ["bright", "dark", "grey", "red"], "hair": ["pink"]}
    labels = torch.tensor([[-1, 3, 0], [-1, -1, 0], [-1, 1, -1]])
    latents, used = with_labels_in_use(Latents(torch.zeros(3, 2), torch.zeros(3, 2), labels), vocabulary)
    assert used == {"ground": ["dark", "red"], "hair": ["pink"]}
    assert latents.labels.tolist() == [[1, 0], [-1, 0], [0, -1]]
    latents, used = with_labels_in_use(Latents(torch.zeros(3, 2), torch.zeros(3, 2), labels[:, :1]), {"eyes": ["blue"]})
    assert (used, latents.labels.shape) == ({}, (3, 0))


def test_labels_as_codes() -> None:
    vocabulary = {"eyes": ["blue", "green"], "hair_colour": ["black", "blonde", "pink"]}
    assert label_codes(vocabulary, {}).tolist() == [-1, -1]
    assert label_codes(vocabulary, {"hair_colour": "pink"}).tolist() == [-1, 2]
    with pytest.raises(ParamsError, match="found `hair`: did you mean `hair_colour`"):
        label_codes(vocabulary, {"hair": "pink"})
    with pytest.raises(ParamsError, match="found `blond`: did you mean `blonde`"):
        label_codes(vocabulary, {"hair_colour": "blond"})
    with pytest.raises(ParamsError, match="found none"):
        label_codes({}, {"hair_colour": "pink"})
