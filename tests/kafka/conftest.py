"""Where the Kafka port is: $PENSTOCK_KAFKA, or that of the running example."""
import os
import uuid

import pytest


@pytest.fixture(scope="session")
def address(request):
    if "PENSTOCK_KAFKA" not in os.environ:
        request.getfixturevalue("users")
    return os.environ["PENSTOCK_KAFKA"]


@pytest.fixture
def topic():
    """A name that nobody else uses."""
    return f"test-{uuid.uuid4().hex[:12]}"
