"""The scripts that made the files in ``data`` need ROOT; they are no tests."""

collect_ignore_glob = ["data/*"]
