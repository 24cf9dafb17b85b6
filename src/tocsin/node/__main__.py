"""`python -m tocsin.node` is the command `tocsin`."""

from tocsin.node.cli import main

if __name__ == "__main__":
    main()
