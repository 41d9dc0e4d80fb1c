"""Errors, told apart by whether another try may help."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class PenstockError(AirflowException):
    """Penstock answered with an error, or a run has failed; Airflow's retries apply."""


class PenstockUnavailable(PenstockError):
    """No Penstock answers, or it cannot now."""


class PenstockRefused(AirflowFailException):
    """What was asked is wrong and stays so: no retry."""
