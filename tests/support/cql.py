"""What tests of the CQL port say in one line."""
import pytest
from cassandra import InvalidRequest


def refused(session, statement, text, kind=InvalidRequest, values=None):
    """The statement fails with that kind of error, whose message has the text."""
    with pytest.raises(kind) as caught:
        session.execute(statement, values)
    assert text in str(caught.value), statement
