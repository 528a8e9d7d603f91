"""`python -m lab.monitoring`: write the files in monitoring/ anew."""

from __future__ import annotations

from lab.monitoring.files import FILES, FOLDER


def main() -> None:
    """Write what differs, and say what."""
    for name, text in FILES.items():
        file = FOLDER / name
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"monitoring/{name}")


if __name__ == "__main__":
    main()
