"""The benchmark beside other models, on tiny faces and for a moment."""

import json

import pytest
from PIL import Image
from ruamel.yaml import YAML

from benchmarks.peers.__main__ import main
from tests.vae.blobs import pack


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("shards"), held_out=40)


@pytest.fixture
def benchmark(shards, tmp_path, capsys):
    """Run the benchmark for the given peers; what it printed."""
    params = tmp_path / "params.yaml"
    small = {"judge": {"images": 256, "minibatch": 64}, "fit": {"width": 32, "blocks": 1, "components": 2}}
    YAML().dump({"batches": {"any": {"path": "."}}, **small}, params)

    def run(*only):
        options = ["--out", tmp_path / "out", "--seconds", 1, "--threads", 1, "--samples", 40, "--params", params]
        main([str(word) for word in (shards, *options, "--only", *only)])
        return capsys.readouterr().out

    return run


@pytest.mark.slow
def test_every_peer_gets_a_row_and_what_is_finished_is_not_fitted_again(benchmark, tmp_path):
    benchmark("VanillaVAE")
    before = (tmp_path / "out" / "vanillavae" / "counts.json").read_bytes()

    table = benchmark("VanillaVAE", "DCGAN")

    assert (tmp_path / "out" / "vanillavae" / "counts.json").read_bytes() == before
    assert [line.split(" |")[0] for line in table.split("\n\n")[0].splitlines() if line.startswith("| ")] == [
        "| model", "| training faces", "| VanillaVAE, N(0, I)", "| DCGAN",
    ]  # fmt: skip
    numbers = json.loads((tmp_path / "out" / "peers.json").read_bytes())
    assert numbers["DCGAN"]["counts"]["images_seen"] > 0
    assert numbers["VanillaVAE, N(0, I)"]["psnr_db"] > 0
    assert "psnr_db" not in numbers["DCGAN"]
    assert "ceiling" in json.dumps(numbers["VanillaVAE, N(0, I)"]["card"])
    assert "ceiling" not in json.dumps(numbers["DCGAN"]["card"])
    assert "kid_ratio" not in numbers["DCGAN"]["card"]
    assert (
        numbers["training faces"]["figures"]["KID random"]["mean"] < numbers["DCGAN"]["figures"]["KID random"]["mean"]
    )
    with Image.open(tmp_path / "out" / "peers.png") as picture:
        assert picture.height > 3 * 16


@pytest.mark.slow
def test_ours_is_trained_fitted_and_sharpened_and_set_beside_the_others(benchmark, tmp_path):
    tables = benchmark("ours sharpened", "VanillaVAE").strip().split("\n\n")
    assert [line.split(" |")[0] for line in tables[1].splitlines() if "--" not in line] == [
        "| ours sharpened, flow ÷", "| its own reconstructions", "| ours sharpened, N(0, I)", "| VanillaVAE, N(0, I)",
    ]  # fmt: skip
    folder = tmp_path / "out" / "ours-sharpened"
    counts = json.loads((folder / "counts.json").read_bytes())["counts"]
    assert counts["images_seen"] > 0
    assert {part.name for part in (folder / "work" / "model").iterdir() if part.is_dir()} >= {"prior", "sharp"}
    assert (folder / "work" / "model" / "sharp" / "model.safetensors").is_file()
