"""`python -m server` is `quillroom`."""

from server.cli import main

main()
