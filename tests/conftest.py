"""One running example for all client tests; tests that stop, kill or reload start their own."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support.process import BINARY, ROOT, Penstock, wait_until  # noqa: E402


@pytest.fixture(scope="session")
def users(tmp_path_factory):
    """The example pipeline, running on its replica, with rows in its table."""
    folder = tmp_path_factory.mktemp("users")
    shutil.copy(ROOT / "examples/users/users.yaml", folder / "users.yaml")
    with Penstock(folder, folder / "data") as penstock:
        os.environ["PENSTOCK_URL"] = penstock.url("")
        os.environ.setdefault("PENSTOCK_KAFKA", f"127.0.0.1:{penstock.ports['kafka']}")
        os.environ.setdefault("PENSTOCK_CQL", f"127.0.0.1:{penstock.ports['cql']}")
        os.environ.setdefault("PENSTOCK_SCHEMAS", f"http://127.0.0.1:{penstock.ports['schemas']}")
        wait_until(lambda: penstock.query("created_users")["stored"] > 0, "a row in the table")
        yield penstock


@pytest.fixture(scope="session", autouse=True)
def addresses(request):
    """The clients' tests take their addresses from PENSTOCK_*: the example's, unless somebody set others."""
    assert BINARY.exists(), f"{BINARY} is missing: run make build"
    clients = ("kafka", "cql", "registry", "http")
    folders = {item.path.parent.name for item in request.session.items}
    if folders & set(clients) and "PENSTOCK_URL" not in os.environ:
        request.getfixturevalue("users")
