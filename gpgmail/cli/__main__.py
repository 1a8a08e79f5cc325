"""`python -m gpgmail.cli`, for where the script is not on PATH."""

from gpgmail.cli import main

main()
