"""`python -m p3m_anon` is `p3m-anon`."""

from p3m_anon.cli import cli

if __name__ == "__main__":
    cli(prog_name="p3m-anon")
