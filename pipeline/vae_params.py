"""The sections of params.yaml that say how a VAE is trained, and judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.source_params import Positive, Section

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class TrainParams(Section):
    """The model, its objective and its training."""

    preset: Literal["tiny", "small", "base", "large", "grey", "grey-dense", "grey-conv", "grey-dense-128"] = "tiny"
    latent: Positive | None = None  # dimensions of z; None: as many as the preset has
    objective: Literal["vae", "autoencoder"] = "vae"  # an autoencoder's latent is a point, and it has no rate
    corruption: Literal["none", "gaussian", "masking"] = "none"  # of what the encoder is shown while it learns
    corruption_level: Share = 0.2  # standard deviation of the noise on [0, 1] pixels, or share of pixels masked
    condition: list[str] = Field(default=[])  # labels that the model tells by itself, and that join its latent
    label_weight: Annotated[float, Field(ge=0.0)] = 300.0  # of the cross-entropy of these labels, nats
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    sigma_mode: Literal["learned", "optimal", "fixed"] = "learned"  # of the Gaussian likelihood
    sigma: Annotated[float, Field(ge=1 / 255, le=10.0)] = 0.1  # observation σ on [0, 1] pixels: fixed value or start
    beta: Annotated[float, Field(ge=0.0)] = 1.0  # weight of the rate; 1 is the ELBO
    images: Positive = 140_000  # budget: images seen in all
    minibatch: Positive = 64
    learning_rate: Annotated[float, Field(gt=0.0)] = 6e-3
    warmup_images: Annotated[int, Field(ge=0)] = 10_000  # at most a tenth of the budget
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    clip_norm: Annotated[float, Field(gt=0.0)] = 200.0  # the gradient's norm is cut here, nats per image
    ema_images: Annotated[int, Field(ge=0)] = 10_000  # half-life of the weights' moving average; 0: none
    flip: bool = True  # mirror half of the images
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 where the device has it
    compile: bool = False  # torch.compile, worth its start-up on a GPU
    tensorboard: bool = False  # write event files too; needs the extra `tensorboard`
    seed: int = 0


class FitParams(Section):
    """The priors that are fitted to a model's latents."""

    priors: list[Literal["gaussian", "gmm", "flow"]] = Field(default=["gaussian", "gmm", "flow"])
    components: Positive = 16  # of the Gaussian mixture, which the flow starts as
    width: Positive = 256  # of the flow's residual blocks, which are four times as wide within
    blocks: Positive = 3  # of them
    images: Positive = 1_200_000  # budget of the flow: latents seen in all
    minibatch: Positive = 1024
    learning_rate: Annotated[float, Field(gt=0.0)] = 15e-3
    ema_images: Annotated[int, Field(ge=0)] = 50_000  # half-life of the weights' moving average; 0: none
    label_dropout: Share = 0.2  # share of faces whose labels are all hidden from the flow; of others some are
    seed: int = 0


class SharpenParams(Section):
    """Layers behind the decoder that are trained against a discriminator, all else frozen."""

    images: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"  # budget; auto: none for tiny and small
    minibatch: Positive = 32
    width: Positive = 64  # channels of the discriminator's first layer
    refiner_width: Positive = 24  # channels of the layers that are trained
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3  # of these; the discriminator's is five times that
    adversarial: Annotated[float, Field(ge=0.0)] = 1.0  # nats per dimension that a point of the verdict is worth
    feature: Annotated[float, Field(ge=0.0)] = 0.5  # the same of the distance in the encoder's features, 0 to about 1
    gradient_penalty: Annotated[float, Field(ge=0.0)] = 0.1  # R1, on the discriminator's loss
    ema_images: Annotated[int, Field(ge=0)] = 10_000  # half-life of the weights' moving average; 0: none
    max_loss_db: Annotated[float, Field(ge=0.0)] = 1.5  # of PSNR that sharpness may cost
    detail: Annotated[float, Field(ge=0.0, le=1.0)] = (
        1.0  # share of its missing strength given back, within max_loss_db
    )
    seed: int = 0


class JudgeParams(Section):
    """The encoder in whose features samples are judged, trained without labels on the train split."""

    images: Positive = 100_000  # budget: images seen in all
    minibatch: Annotated[int, Field(ge=2)] = 128  # each face is told from the others of its minibatch
    learning_rate: Annotated[float, Field(gt=0.0)] = 2e-3
    seed: int = 0


class ColorizeParams(Section):
    """The second network, which colours grey faces."""

    preset: Literal["residual", "tutorial"] = "residual"  # tutorial: plain convolutions at full size
    latent: Annotated[int, Field(ge=0)] = 8  # dimensions that say which colouring; 0: one a face; tutorial has none
    images: Positive = 60_000  # budget: images seen in all
    minibatch: Positive = 64
    learning_rate: Annotated[float, Field(gt=0.0)] = 2e-3
    noise: Annotated[float, Field(ge=0.0)] = 0.02  # added to grey faces, standard deviation on [0, 1] pixels
    grey_weight: Annotated[float, Field(ge=0.0)] = 1.0  # of the luma that coloured faces give back
    seed: int = 0


class EvaluateParams(Section):
    """What `evaluate` measures and draws."""

    prior: Literal["standard", "gaussian", "gmm", "flow"] = "flow"  # what samples are drawn from
    temperature: Annotated[float, Field(ge=0.0)] = 1.05  # how far samples of a fitted prior lie from its mean
    guidance: Annotated[float, Field(ge=0.0)] = 1.5  # how much the flow insists on labels, where faces have them
    judged: Positive = 2000  # samples that the quality card judges
    bound_draws: Positive = 64  # latents a face in the importance-weighted bound
    samples: Positive = 64  # random samples in the picture
    reconstructions: Positive = 16
    interpolations: Positive = 6  # rows of seven steps
    traversals: Positive = 8  # dimensions with the most rate
    seed: int = 0
