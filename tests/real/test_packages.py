"""The Debian package, its unit, the Compose file and the Kubernetes manifests."""

import os
import pathlib
import re
import subprocess

import pytest
import yaml

from conftest import ROOT
from support.process import BINARY, own_environment

HERE = pathlib.Path(__file__).parent
DEPLOY = ROOT / "deploy"


def run(*command, timeout=300, check=True, **keywords):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, **keywords)
    assert done.returncode == 0 or not check, (
        f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return pathlib.Path(
        run(ROOT / "tools/make_deb.sh", BINARY, tmp_path_factory.mktemp("deb")).strip().splitlines()[-1]
    )


def test_package_has_what_belongs_in_it(package):
    listed = {line.split()[-1] for line in run("dpkg-deb", "--contents", package).splitlines()}
    for path in (
        "/usr/bin/penstock",
        "/lib/systemd/system/penstock.service",
        "/usr/lib/sysusers.d/penstock.conf",
        "/etc/penstock/penstock.conf",
        "/etc/penstock/pipelines/",
        "/usr/share/man/man1/penstock.1.gz",
        "/usr/share/doc/penstock/copyright",
        "/usr/share/doc/penstock/examples/users.yaml",
    ):
        assert f".{path}" in listed, path
    owners = {line.split()[1] for line in run("dpkg-deb", "--contents", package).splitlines()}
    assert owners == {"root/root"}
    depends = run("dpkg-deb", "--field", package, "Depends")
    for library in ("libc6 (>= ", "librdkafka1", "libpq5", "tzdata"):
        assert library in depends, depends


def test_lintian_has_nothing_to_say(package):
    done = subprocess.run(["lintian", "--allow-root", package], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))] == []
    assert "cannot" not in done.stderr


def test_manual_page_is_well_formed(package, tmp_path):
    run("dpkg-deb", "-x", package, tmp_path)
    page = tmp_path / "usr/share/man/man1/penstock.1.gz"
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page],
        capture_output=True,
        text=True,
        env={**os.environ, "MANWIDTH": "100"},
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "penstock health" in re.sub(".\b", "", done.stdout)


def test_unit_is_right_and_hardened(package, tmp_path):
    run("dpkg-deb", "-x", package, tmp_path)
    unit = tmp_path / "penstock.service"
    # The verifier looks for the program where the unit says that it is.
    unit.write_text(
        (tmp_path / "lib/systemd/system/penstock.service")
        .read_text()
        .replace("/usr/bin/penstock", str(tmp_path / "usr/bin/penstock"))
    )
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    problems = [line for line in done.stderr.splitlines() if "penstock.service" in line]
    assert problems == [], problems
    security = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", unit], capture_output=True, text=True, timeout=60
    )
    overall = re.search(r"Overall exposure level for \S+: ([0-9.]+)", security.stdout)
    assert overall and float(overall[1]) <= 2.5, security.stdout[-2000:]


def test_package_installs_runs_and_is_removed(package, tmp_path, covers, suite):
    covers("Debian package", "Debian 12", "installed by apt into a bare root", "deployment")
    assert os.geteuid() == 0, "installing into another root folder needs root"
    root = tmp_path / "root"
    root.mkdir()
    run("tar", "-xf", run(HERE / "debian_root.sh").splitlines()[-1], "-C", root)
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    for name in ("null", "urandom", "random", "zero"):
        if not (root / "dev" / name).exists():
            run(
                "mknod",
                "-m",
                "666",
                root / "dev" / name,
                "c",
                "1",
                {"null": "3", "zero": "5", "random": "8", "urandom": "9"}[name],
            )
    (root / "etc/resolv.conf").write_text(pathlib.Path("/etc/resolv.conf").read_text())
    run("cp", package, root / "penstock.deb")

    def inside(*command, check=True):
        return run(
            "chroot",
            root,
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "LC_ALL=C",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            *command,
            check=check,
            env={**os.environ, "http_proxy": os.environ.get("http_proxy", "")},
        )

    inside("apt-get", "update", "-q")
    inside("apt-get", "install", "-y", "-q", "--no-install-recommends", "/penstock.deb")
    assert "penstock " in inside("penstock", "--version") or inside("penstock", "--version")
    assert inside("id", "-un", "penstock").strip() == "penstock"
    assert inside("stat", "-c", "%a %U:%G", "/etc/penstock/penstock.conf").strip() == "640 root:penstock"
    inside("penstock", "check", "/usr/share/doc/penstock/examples/users.yaml")

    settings = root / "etc/penstock/penstock.conf"
    settings.write_text(settings.read_text() + "PENSTOCK_LOG_LEVEL=debug\n")
    inside("dpkg", "-i", "/penstock.deb")
    assert "PENSTOCK_LOG_LEVEL=debug" in settings.read_text(), "a changed setting survives an upgrade"
    data = root / "var/lib/penstock"
    data.mkdir(exist_ok=True)
    (data / "kept").write_text("")
    inside("apt-get", "remove", "-y", "-q", "penstock")
    assert settings.exists() and not (root / "usr/bin/penstock").exists()
    inside("dpkg", "--purge", "penstock")
    assert not settings.exists()
    assert (data / "kept").exists(), "the data stays"
    suite.ran += 1


def compose():
    """With the variables' defaults in place, as an engine sees it when none is set."""
    text = (DEPLOY / "compose.yaml").read_text()
    assert not re.search(r"\$\{[A-Z_]+\}", text), "every variable has a default"
    return yaml.safe_load(re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text))


def test_compose_file_is_valid():
    from compose_spec import PyCompose

    file = PyCompose.from_yaml(yaml.safe_dump(compose()))
    file.validate()
    file.to_spec()
    assert len(file.service_names()) == len(compose()["services"])


def test_compose_services_are_healthy_before_what_needs_them():
    services = compose()["services"]
    assert [name for name, s in services.items() if s.get("profiles") == ["alone"]] == ["penstock"]
    assert {s["profiles"][0] for s in services.values()} == {"alone", "real"}, "each in one profile"
    assert (DEPLOY / ".env").read_text().count("COMPOSE_PROFILES=alone") == 1
    for name, service in services.items():
        assert service["network_mode"] == "host", f"{name}: all speak over the host's loopback"
        assert "ports" not in service, "ports of the host's network are not published"
        for other, how in service.get("depends_on", {}).items():
            assert services[other]["profiles"] == service["profiles"]
            one_shot = how["condition"] == "service_completed_successfully"
            assert one_shot == ("healthcheck" not in services[other]), f"{name} waits for {other}"
        if service["restart"] != "no":
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name


def test_compose_volumes_are_declared_and_everything_stays_on_loopback():
    file = compose()
    named = {
        v.split(":")[0]
        for s in file["services"].values()
        for v in s.get("volumes", [])
        if not v.startswith((".", "/"))
    }
    assert named == set(file["volumes"])
    text = yaml.safe_dump(file)
    assert "0.0.0.0" not in text and "PLAINTEXT://:" not in text
    for service in (
        "postgres",
        "kafka",
        "cassandra",
        "zookeeper",
        "schema-registry",
        "spark-master",
        "spark-worker",
        "spark-connect",
    ):
        assert "127.0.0.1" in yaml.safe_dump(file["services"][service]), f"{service} is told where to listen"


def test_compose_configures_penstock_onto_seams_that_are_built(tmp_path):
    real = compose()["services"]["penstock-real"]["environment"]
    (tmp_path / "empty.yaml").write_text("pipeline: empty\n")
    help_text = run(BINARY, "up", "--help")
    for name in real:
        assert f"(Env:{name})" in help_text, f"{name} is no setting"
    layers = {name: url for name, url in real.items()
              if url.startswith(("kafka:", "http:", "sc:", "cassandra:", "postgresql:", "zookeeper:"))}
    assert len(layers) >= 5
    # Layers that are not built, or do not go together, are refused before a host beyond loopback is.
    done = subprocess.run([BINARY, "up", tmp_path / "empty.yaml", "--data", tmp_path / "data"],
                          env={**own_environment(), **layers, "PENSTOCK_HOST": "192.0.2.1"}, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2 and "listens on loopback only" in done.stderr, done.stderr


def test_kubernetes_manifests_are_valid():
    import kubernetes_validate

    documents = [d for d in yaml.safe_load_all((DEPLOY / "kubernetes/penstock.yaml").read_text()) if d]
    assert {d["kind"] for d in documents} == {"ServiceAccount", "ConfigMap", "Service", "NetworkPolicy", "StatefulSet"}
    for document in documents:
        for version in ("1.29", "1.34"):
            kubernetes_validate.validate(document, version, strict=True)


def test_kubernetes_manifests_fit_together():
    documents = {d["kind"]: d for d in yaml.safe_load_all((DEPLOY / "kubernetes/penstock.yaml").read_text())}
    stateful = documents["StatefulSet"]["spec"]
    pod = stateful["template"]["spec"]
    [container] = pod["containers"]
    labels = stateful["template"]["metadata"]["labels"].items()
    for selector in (
        stateful["selector"]["matchLabels"],
        documents["Service"]["spec"]["selector"],
        documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    assert stateful["serviceName"] == documents["Service"]["metadata"]["name"]
    assert pod["serviceAccountName"] == documents["ServiceAccount"]["metadata"]["name"]
    assert stateful["replicas"] == 1, "the embedded layers are one node"
    # Else Kubernetes would set PENSTOCK_PORT and the like, which are settings to the program.
    assert pod["enableServiceLinks"] is False
    security = container["securityContext"]
    assert (
        security["readOnlyRootFilesystem"]
        and not security["allowPrivilegeEscalation"]
        and security["capabilities"] == {"drop": ["ALL"]}
    )
    assert pod["securityContext"]["runAsNonRoot"]
    mounts = {m["name"] for m in container["volumeMounts"]}
    assert mounts == {v["name"] for v in pod["volumes"]} | {
        c["metadata"]["name"] for c in stateful["volumeClaimTemplates"]
    }
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["exec"]["command"][:2] == ["penstock", "health"]
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    for generator in kustomization["configMapGenerator"]:
        for file in generator["files"]:
            assert (DEPLOY / "kubernetes" / file).exists()
    version = re.search(r"project\(penstock VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert container["image"] == f"penstock:{version}" and kustomization["images"][0]["newTag"] == version
    example = ROOT / "examples/users/users.yaml"
    assert (DEPLOY / "kubernetes/pipelines/users.yaml").read_text() == example.read_text()
