"""What Airflow asks for by the entry point `apache_airflow_provider`."""

from __future__ import annotations

from typing import Any

from penstock_provider import __version__


def get_provider_info() -> dict[str, Any]:
    return {
        "package-name": "airflow-provider-penstock",
        "name": "Penstock",
        "description": "Penstock carries data from an API to a table, continuously.",
        "versions": [__version__],
        "integrations": [{"integration-name": "Penstock", "external-doc-url": "", "tags": ["service"]}],
        "hooks": [{"integration-name": "Penstock", "python-modules": ["penstock_provider.hooks.penstock"]}],
        "operators": [{"integration-name": "Penstock", "python-modules": ["penstock_provider.operators.penstock"]}],
        "sensors": [{"integration-name": "Penstock", "python-modules": ["penstock_provider.sensors.penstock"]}],
        "triggers": [{"integration-name": "Penstock", "python-modules": ["penstock_provider.triggers.penstock"]}],
        "asset-uris": [{"schemes": ["penstock"], "handler": "penstock_provider.assets.sanitize_uri"}],
        "connection-types": [
            {
                "connection-type": "penstock",
                "hook-name": "Penstock",
                "hook-class-name": "penstock_provider.hooks.penstock.PenstockHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "extra"],
                    "relabeling": {"login": "User of a proxy", "password": "Password of a proxy"},
                    "placeholders": {"host": "127.0.0.1", "port": "8080"},
                },
                "conn-fields": {
                    "tls": {
                        "label": "TLS",
                        "description": "https: for a proxy with TLS before Penstock",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                    "ca_file": {
                        "label": "CA file",
                        "description": "With TLS: certificates to trust, as a file on the workers",
                        "schema": {"type": ["string", "null"]},
                    },
                    "timeout": {
                        "label": "Timeout",
                        "description": "Seconds that one request may take",
                        "schema": {"type": ["integer", "null"], "default": 30, "minimum": 1},
                    },
                },
            }
        ],
    }
