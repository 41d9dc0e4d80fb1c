"""PenstockHook: Penstock's REST API for tasks, and the same in async for triggers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from airflow.sdk import BaseHook, Connection

from penstock_provider.api import Run, RunReport, checked, unreachable
from penstock_provider.exceptions import PenstockError, PenstockUnavailable


class PenstockHook(BaseHook):
    """
    Talks to a running Penstock.

    :param penstock_conn_id: a connection of type ``penstock``: host, port (8080), and in the extra ``tls``, ``ca_file``
        and ``timeout``. Login and password go along as HTTP Basic, for a proxy before Penstock that asks for them.
    """

    conn_name_attr = "penstock_conn_id"
    default_conn_name = "penstock_default"
    conn_type = "penstock"
    hook_name = "Penstock"

    #: Tries of a request that changes nothing, while nobody answers.
    tries = 3

    def __init__(self, penstock_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.penstock_conn_id = penstock_conn_id
        self._settings: dict[str, Any] | None = None

    # -- the connection ----------------------------------------------------------------------------------------------

    @staticmethod
    def settings_of(connection: Connection) -> dict[str, Any]:
        """What httpx clients are made with."""
        extra = connection.extra_dejson or {}
        host = connection.host or "127.0.0.1"
        scheme = "https" if extra.get("tls") else "http"
        if "://" in host:
            scheme, _, host = host.partition("://")
        host = host.rstrip("/")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]" if host.count(":") > 1 else host
        port = connection.port or (443 if scheme == "https" else 8080)
        if ":" in host.rpartition("]")[2]:
            base_url = f"{scheme}://{host}"
        else:
            base_url = f"{scheme}://{host}:{port}"
        auth = (connection.login, connection.password or "") if connection.login else None
        return {
            "base_url": base_url,
            "auth": auth,
            "verify": extra.get("ca_file") or True,
            "timeout": float(extra.get("timeout") or 30),
            # Loopback by default: a proxy of the environment has no business here.
            "trust_env": False,
        }

    def _client_settings(self) -> dict[str, Any]:
        if self._settings is None:
            self._settings = self.settings_of(self.get_connection(self.penstock_conn_id))
        return self._settings

    async def _async_client_settings(self) -> dict[str, Any]:
        if self._settings is None:
            self._settings = self.settings_of(await self.aget_connection(self.penstock_conn_id))
        return self._settings

    @contextmanager
    def get_conn(self) -> Iterator[httpx.Client]:  # type: ignore[override]
        with httpx.Client(**self._client_settings()) as client:
            yield client

    def _where(self) -> str:
        return f"{self._client_settings()['base_url']} (connection {self.penstock_conn_id})"

    # -- requests ----------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, json: Any = None, params: dict[str, Any] | None = None) -> Any:
        """
        The JSON that Penstock answers.

        :raises PenstockUnavailable: nobody answers, after a few tries if the request changes nothing.
        :raises PenstockRefused: what was asked is wrong and stays so.
        :raises PenstockError: any other error.
        """
        tries = self.tries if method == "GET" else 1
        for number in range(1, tries + 1):
            try:
                with self.get_conn() as client:
                    return checked(client.request(method, path, json=json, params=params), self._where())
            except httpx.HTTPError as error:
                if number == tries:
                    raise unreachable(self._where(), error) from error
                time.sleep(0.5 * number)
        raise AssertionError("unreachable")

    async def arequest(self, method: str, path: str, json: Any = None, params: dict[str, Any] | None = None) -> Any:
        """One try of the same, for triggers: they ask again anyway."""
        settings = await self._async_client_settings()
        where = f"{settings['base_url']} (connection {self.penstock_conn_id})"
        try:
            async with httpx.AsyncClient(**settings) as client:
                return checked(await client.request(method, path, json=json, params=params), where)
        except httpx.HTTPError as error:
            raise unreachable(where, error) from error

    def test_connection(self) -> tuple[bool, str]:
        """For the button of the connection's form."""
        try:
            status = self.request("GET", "/api/v1/status")
        except Exception as error:  # the form shows whatever it was
            return False, str(error)
        return True, f"Penstock {status['version']}, data in {status['data_directory']}"

    # -- runs --------------------------------------------------------------------------------------------------------

    def start_run(self, path: str, run_id: str, dag: str, body: dict[str, Any]) -> Run:
        """Starts a run under the caller's id; one that was started so already is the same run."""
        run = Run(dag, run_id)
        try:
            self.request("POST", path, json={**body, "run_id": run_id})
        except PenstockError:
            # It may have been started all the same: by this request, or by this try before its worker was lost.
            if not self.run_exists(run):
                raise
            self.log.info("run %s is there already", run_id)
        return run

    def run_exists(self, run: Run) -> bool:
        try:
            self.request("GET", run.path)
        except PenstockUnavailable:
            raise
        except PenstockError:
            return False
        return True

    def cancel_run(self, run: Run) -> str:
        """Ends it, unless it has ended; its state after that."""
        return self.request("POST", f"{run.path}/cancel")["state"]

    async def acancel_run(self, run: Run) -> str:
        return (await self.arequest("POST", f"{run.path}/cancel"))["state"]

    def report(self, run: Run, seen: dict[str, int]) -> RunReport:
        """The run, and what is new in its logs; seen says how many lines were shown, and is moved on."""
        answer = self.request("GET", run.path)
        report = RunReport(answer["state"], answer["tasks"])
        for task, number, path in _logs_of(run, report):
            _add_lines(report, task, number, seen, self.request("GET", path, params=_after(task, number, seen)))
        return report

    async def areport(self, run: Run, seen: dict[str, int]) -> RunReport:
        answer = await self.arequest("GET", run.path)
        report = RunReport(answer["state"], answer["tasks"])
        for task, number, path in _logs_of(run, report):
            new = await self.arequest("GET", path, params=_after(task, number, seen))
            _add_lines(report, task, number, seen, new)
        return report

    # -- what there is -----------------------------------------------------------------------------------------------

    def source(self, name: str) -> dict[str, Any] | None:
        return next((s for s in self.request("GET", "/api/v1/sources") if s["name"] == name), None)

    def query(self, name: str) -> dict[str, Any] | None:
        return next((q for q in self.request("GET", "/api/v1/queries") if q["name"] == name), None)

    def end_offsets(self, topic: str) -> dict[str, int]:
        """By partition."""
        partitions = self.request("GET", f"/api/v1/topics/{topic}")["partitions"]
        return {str(p["partition"]): p["end_offset"] for p in partitions}

    def sql(self, statement: str) -> list[list[Any]]:
        return self.request("POST", "/api/v1/sql", json={"sql": statement})["rows"]


def _logs_of(run: Run, report: RunReport) -> list[tuple[str, int, str]]:
    """Task, try and path of each log there is."""
    return [(t["task"], t["try_number"], run.log_path(t["task"])) for t in report.tasks if t["try_number"] > 0]


def _key(task: str, number: int) -> str:
    return f"{task}#{number}"


def _after(task: str, number: int, seen: dict[str, int]) -> dict[str, int]:
    return {"try": number, "after": seen.get(_key(task, number), 0)}


def _add_lines(report: RunReport, task: str, number: int, seen: dict[str, int], answer: dict[str, Any]) -> None:
    label = task if len(report.tasks) > 1 else "penstock"
    if number > 1:
        label += f", try {number}"
    report.lines += [f"[{label}] {line['text']}" for line in answer["lines"]]
    seen[_key(task, number)] = seen.get(_key(task, number), 0) + len(answer["lines"])
