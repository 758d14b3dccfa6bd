"""Command line: parse the arguments, run one job, report what happened."""
