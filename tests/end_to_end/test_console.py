"""The console in a browser, against the running example."""
import os
import re
import subprocess

import pytest
from support.process import ROOT


@pytest.mark.timeout(600)
def test_the_console_in_a_browser(users):
    done = subprocess.run(["npm", "--prefix", str(ROOT / "console"), "run", "--silent", "test:browser"],
                          capture_output=True, text=True, timeout=500, env={**os.environ, "PENSTOCK_URL": users.url("")})
    assert done.returncode == 0, failures(done.stdout) + done.stderr[-2000:]


def failures(tap):
    """What failed, each with its explanation: up to the next test's line."""
    return "\n".join(re.findall(r"^not ok .*?(?=^(?:# Subtest|ok|not ok|1\.\.)|\Z)", tap, re.M | re.S)) or tap[-6000:]
