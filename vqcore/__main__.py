"""The command line: `python -m vqcore --help`."""

from vqcore.cli.main import main

if __name__ == "__main__":
    main()
