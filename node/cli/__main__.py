"""`python -m node.cli`: the command line without its script."""

from node.cli.root import main

if __name__ == "__main__":
    main()
