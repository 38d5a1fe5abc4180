"""`python -m opendip` is `dip`."""

from opendip.cli import main

if __name__ == "__main__":
    main()
