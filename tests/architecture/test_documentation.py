"""What the documents say is there, and what is there is said."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def commands(package):
    if package == "pipeline":
        from pipeline.cli import app
    else:
        from laboratory.cli import app
    return sorted(command.name or command.callback.__name__ for command in app.registered_commands if command.callback)


@pytest.mark.parametrize("package", ["pipeline", "laboratory"])
def test_every_command_is_explained(package):
    documents = README + ARCHITECTURE
    for command in commands(package):
        assert re.search(rf"`(anime-(data|vae) )?{command}\b|anime-(data|vae) {command}\b", documents), command


@pytest.mark.parametrize("package", ["pipeline", "quality", "vae", "laboratory"])
def test_every_module_has_its_job_in_a_line(package):
    section = ARCHITECTURE.split(f"### {package}\n")[1].split("\n#")[0]
    named = set(
        re.findall(
            r"`([a-z_/]+(?:\.py)?)`", "".join(line.split("|")[1] for line in section.splitlines() if "|" in line)
        )
    )
    there = {path.name for path in (ROOT / package).glob("*.py") if path.name != "__init__.py"}
    there |= {f"{path.name}/" for path in (ROOT / package).iterdir() if (path / "__init__.py").is_file()}
    assert named == there


def test_links_lead_somewhere():
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_exit_codes_are_as_documented():
    from pipeline import errors

    codes = {errors.ParamsError: 3, errors.SourceError: 4, errors.DataError: 5, errors.TrainingError: 6}
    for error, code in codes.items():
        assert error.exit_code == code
        assert f"`{error.__name__}` {code}" in ARCHITECTURE
