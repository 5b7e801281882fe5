"""`make docs`: writes the generated parts of the pages, and what their commands print now."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.docs.generated import PAGES, ROOT, with_generated_parts
from tests.docs.sessions import Reader, refreshed
from tests.fakes.router import free_port


def main() -> None:
    """Rewrites what is stale and names it."""
    for page in [ROOT / name for name in PAGES]:
        _write(page, with_generated_parts(page.read_text(encoding="utf-8")))
    _refresh(ROOT / "README.md", None)
    for page in sorted((ROOT / "examples").glob("*/README.md")):
        _refresh(page, page.parent)


def _refresh(page: Path, start_in: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder), free_port(), start_in)
        try:
            _write(page, refreshed(page.read_text(encoding="utf-8"), reader))
        finally:
            reader.stop()


def _write(page: Path, text: str) -> None:
    if page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
