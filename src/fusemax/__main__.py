"""``python -m fusemax``."""

from fusemax.cli.main import main

if __name__ == "__main__":
    main()
