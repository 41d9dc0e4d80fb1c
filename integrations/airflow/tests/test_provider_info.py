import importlib
import json
import pathlib

import airflow
import jsonschema
from airflow.providers_manager import ProvidersManager
from importlib.metadata import entry_points

from penstock_provider.get_provider_info import get_provider_info


def test_it_is_what_airflow_expects():
    schema = json.loads((pathlib.Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_everything_it_names_is_there():
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for group in info[kind]:
            for module in group["python-modules"]:
                importlib.import_module(module)
    for connection in info["connection-types"]:
        module, _, name = connection["hook-class-name"].rpartition(".")
        hook = getattr(importlib.import_module(module), name)
        assert hook.conn_type == connection["connection-type"]
        assert hook.hook_name == connection["hook-name"]


def test_airflow_finds_it_by_its_entry_point():
    assert [e.name for e in entry_points(group="apache_airflow_provider") if "penstock" in e.value] == [
        "provider_info"
    ]
    manager = ProvidersManager()
    assert manager.providers["airflow-provider-penstock"].version
    assert "penstock" in manager.hooks
    assert "extra__penstock__timeout" in manager.connection_form_widgets
    assert manager.field_behaviours["penstock"]["placeholders"]["port"] == "8080"
