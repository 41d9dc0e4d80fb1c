"""Metadata on a real PostgreSQL: the seam's whole suite, and what only a server that goes away can show."""
import re
import subprocess


def test_metadata_suite(real_postgres, suite, covers):
    shown = subprocess.run(["/usr/lib/postgresql/15/bin/postgres", "--version"], capture_output=True, text=True,
                           check=True).stdout
    covers("PostgreSQL", re.search(r"\d+\.\d+", shown)[0], "one server", "metadata")
    suite.run("metadata_test", "*Postgres*", {
        "PENSTOCK_TEST_POSTGRES": real_postgres.url,
        "PENSTOCK_TEST_POSTGRES_SCRIPT": str(real_postgres.script),
        "POSTGRES_PORT": real_postgres.environment["POSTGRES_PORT"],
    })
