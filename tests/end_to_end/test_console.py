"""The console in a browser, against the running example."""
import os
import subprocess

import pytest
from support.process import ROOT


@pytest.mark.timeout(600)
def test_the_console_in_a_browser(users):
    done = subprocess.run(["npm", "--prefix", str(ROOT / "console"), "run", "--silent", "test:browser"],
                          capture_output=True, text=True, timeout=500, env={**os.environ, "PENSTOCK_URL": users.url("")})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
