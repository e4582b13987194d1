"""``python -m scalesearch`` is the ``scalesearch`` command."""

from scalesearch.cli import main

if __name__ == "__main__":
    main()
