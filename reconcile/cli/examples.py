"""The example files, which the package contains so that `demo` and `help` need no network."""

from pathlib import Path

from reconcile.diagnostics import UserError

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "examples", _PACKAGE.parent / "examples")
"""The folder of the examples: inside an installed package, beside the package in a checkout."""


def example_files() -> dict[str, Path]:
    """Return each example by its name: its path below `examples/`, and that of a folder of TOML files, read as one."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
    files = {str(file.relative_to(folder)): file for file in sorted(folder.rglob("*")) if file.is_file()}
    return files | {
        file.parent.name: file.parent for file in files.values() if file.suffix == ".toml" and file.parent != folder
    }


def read_example(name: str) -> str:
    """Return the text of an example, or of all TOML files of a folder, in the order in which they are read.

    Raises:
        UserError: the package was installed without it.
    """
    path = example_files().get(name)
    if path is None:
        raise UserError(f"examples/{name} is missing", "The file belongs to the package. Install reconcile again.")
    if path.is_file():
        return path.read_text(encoding="utf-8")
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(path.glob("*.toml"))}
    return "\n".join(f"# ---- {name}/{file} ----\n{text}" for file, text in texts.items())
