"""`python -m napari_diffseg.cli`: the command line without its script."""

from napari_diffseg.cli import main

if __name__ == "__main__":
    main()
