#!/usr/bin/env python3
"""The check of docker-compose.yml, .env.example and the Dockerfile, where no container engine is at hand.

python deploy/tests/compose.py      needs PyYAML; ends with `N passed, N failed`
"""

import os
import pathlib
import re
import subprocess
import sys

import yaml

from settings import Settings

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "dev"))
sys.dont_write_bytecode = True

from engines_d import cassandra, kafka, redis, versions  # noqa: E402

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETTINGS = Settings(ROOT / "config.default.toml")
ROLES = ("gateway", "ingest", "persister", "fanout", "pusher", "indexer")
IMAGES = {
    "kafka": f"apache/kafka:{versions.KAFKA}",
    "cassandra": f"cassandra:{versions.CASSANDRA}",
    "redis": f"redis:{versions.REDIS}",
}
CHECKS = []  # each yields what is wrong
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}")


def plain(text) -> str:
    """What compose makes of a text when no variable is set."""
    return VARIABLE.sub(lambda match: match[2] or "", str(text))


def ours() -> dict:
    """The services that run Parlor."""
    return {name: service for name, service in SERVICES.items() if name not in IMAGES}


def words_of(command) -> list:
    return command.split() if isinstance(command, str) else list(command or [])


def check(function):
    """Makes a function one of the checks."""
    CHECKS.append(function)
    return function


@check
def images_are_what_dev_engines_runs():
    for name, image in IMAGES.items():
        if plain(SERVICES[name]["image"]) != image:
            yield f"{name} runs {SERVICES[name]['image']}, dev/engines_d/versions.py says {image}"


@check
def images_are_pinned():
    images = [plain(service["image"]) for service in SERVICES.values()]
    images += [match[1] for match in re.finditer(r"^FROM\s+(\S+)", DOCKERFILE, re.M)]
    for image in images:
        _, _, tag = image.rpartition("/")[2].partition(":")
        if tag in ("", "latest"):
            yield f"{image} has no pinned tag"


@check
def base_images_name_their_release():
    for image in re.findall(r"^FROM\s+(\S+)", DOCKERFILE, re.M):
        if not re.search(r":(\d+\.\d+-)?\w*-?bookworm(-slim)?$", image):
            yield f"{image} does not say which release it is"
    wanted = re.search(r'^rust-version = "(\d+)\.(\d+)"', (ROOT / "Cargo.toml").read_text(), re.M)
    used = re.search(r"^FROM rust:(\d+)\.(\d+)", DOCKERFILE, re.M)
    if not used or tuple(map(int, used.groups())) < tuple(map(int, wanted.groups())):
        yield f"the builder's Rust is older than Cargo.toml's {wanted[0]}"


@check
def settings_of_compose_exist():
    for name, service in SERVICES.items():
        for variable in service.get("environment", {}):
            if variable.startswith("PARLOR") and (problem := SETTINGS.objection(variable)):
                yield f"{name}: {problem}"


@check
def settings_of_the_example_exist():
    for variable in re.findall(r"^#?\s*(PARLOR__\w+)=", EXAMPLE, re.M):
        if problem := SETTINGS.objection(variable):
            yield f".env.example: {problem}"


@check
def settings_of_the_image_exist():
    for variable in sorted(set(re.findall(r"\b(PARLOR__\w+)=", DOCKERFILE))):
        if problem := SETTINGS.objection(variable):
            yield f"Dockerfile: {problem}"


@check
def settings_of_dev_engines_exist():
    source = (ROOT / "dev" / "engines_d" / "shell.py").read_text()
    names = set(re.findall(r'"(PARLOR__[A-Z_]+)"', source))
    for section in ("KAFKA", "CASSANDRA"):  # the names that it puts together
        names |= {
            f"PARLOR__ENGINES__{section}__{key}" for key in re.findall(r"\{section\}__([A-Z_]+)", source)
        }
    for variable in sorted(names):
        if problem := SETTINGS.objection(variable):
            yield f"dev/engines env: {problem}"


@check
def the_example_explains_every_variable():
    used = {name for name, _ in VARIABLE.findall((ROOT / "docker-compose.yml").read_text())}
    told = dict(re.findall(r"^#?\s*([A-Z][A-Z0-9_]*)=([^\s]*)", EXAMPLE, re.M))
    for name in sorted(used - set(told)):
        yield f".env.example does not explain {name}"
    for name in sorted(name for name in set(told) - used if not name.startswith("PARLOR__")):
        yield f".env.example explains {name}, which docker-compose.yml does not use"
    for name, default in VARIABLE.findall((ROOT / "docker-compose.yml").read_text()):
        if name in told and told[name] != default:
            yield f"{name} is {default} in docker-compose.yml, {told[name]} in .env.example"


@check
def the_example_is_all_comments():
    for line in EXAMPLE.splitlines():
        if line.strip() and not line.startswith("#"):
            yield f".env.example sets something: {line}"


@check
def dependencies_can_be_met():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if other not in SERVICES:
                yield f"{name} depends on {other}, which is not there"
                continue
            target = SERVICES[other]
            if how["condition"] == "service_healthy" and "test" not in target.get("healthcheck", {}):
                yield f"{name} waits for {other} to be healthy, which has no healthcheck"
            if how["condition"] == "service_completed_successfully" and target.get("restart", "no") != "no":
                yield f"{name} waits for {other} to end, which is started again for ever"
            if how["condition"] == "service_started":
                yield f"{name} does not wait until {other} serves"
            if missing := set(service["profiles"]) - set(target["profiles"]):
                yield f"{name} depends on {other}, which is not in the profiles {missing}"


@check
def every_role_has_a_service():
    source = (ROOT / "src" / "cli.rs").read_text()
    there = re.findall(
        r"^    ([A-Z][a-z]+),$", source[source.index("pub enum RoleName") :].partition("}")[0], re.M
    )
    if sorted(role.lower() for role in there) != sorted(ROLES):
        yield f"src/cli.rs has the roles {there}"
    for role in ROLES:
        if words_of(SERVICES.get(role, {}).get("command")) != [role]:
            yield f"no service runs `parlor {role}`"
        elif "roles" not in SERVICES[role]["profiles"]:
            yield f"{role} is not in the profile `roles`"
    if words_of(SERVICES["init"].get("command")) != ["init"]:
        yield "no service runs `parlor init`"
    if SERVICES["parlor"].get("command") or SERVICES["parlor"]["profiles"] != ["all"]:
        yield "no service runs every role in one process under the profile `all`"


@check
def profiles_bring_their_engines():
    for name in IMAGES:
        if sorted(SERVICES[name]["profiles"]) != ["all", "engines", "roles"]:
            yield f"{name} is not in every profile"


@check
def ports_are_for_this_machine():
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            if not plain(port).startswith("127.0.0.1:"):
                yield f"{name} publishes {port} to other machines by default"


@check
def engine_ports_are_those_of_dev_engines():
    for name, port in (("kafka", kafka.CLIENT), ("cassandra", cassandra.NATIVE), ("redis", redis.SERVER)):
        published = [plain(port).split(":")[1] for port in SERVICES[name]["ports"]]
        if published != [str(port)]:
            yield f"{name} is published at {published}, dev/engines env says {port}"


@check
def volumes_are_named():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = plain(volume).split(":")[0]
            if source not in COMPOSE["volumes"]:
                yield f"{name}: {volume} is not a named volume"
    for name, inside in (("kafka", "/var/lib/kafka/data"), ("cassandra", "/var/lib/cassandra")):
        if not any(plain(volume).endswith(f":{inside}") for volume in SERVICES[name].get("volumes", [])):
            yield f"{name} keeps nothing at {inside}"


@check
def everything_restarts_and_stops_in_time():
    for name, service in SERVICES.items():
        if "restart" not in service or "stop_grace_period" not in service:
            yield f"{name} has no restart policy or no grace period"
        if "memory" not in service.get("deploy", {}).get("resources", {}).get("limits", {}):
            yield f"{name} has no memory limit"
    drain_ms = int(re.search(r"^drain_max_ms = (\d+)", (ROOT / "config.default.toml").read_text(), re.M)[1])
    for name in ("gateway", "parlor"):
        if int(SERVICES[name]["stop_grace_period"].removesuffix("s")) * 1000 <= drain_ms + 5000:
            yield f"{name} is killed before it has drained"


@check
def containers_listen_where_they_can_be_reached():
    for name, service in ours().items():
        for variable in ("PARLOR__LISTEN", "PARLOR__ADMIN_LISTEN"):
            if not service["environment"][variable].startswith("0.0.0.0:"):
                yield f"{name}: {variable} is not reachable from outside its container"
        key = service["environment"].get("PARLOR__AUTH__SIGNING_KEY_FILE", "")
        if key.removeprefix("/run/secrets/") not in service.get("secrets", []):
            yield f"{name}: its signing key is not among its secrets"
    for secret, how in COMPOSE["secrets"].items():
        if "file" not in how:
            yield f"the secret {secret} is not a file"


@check
def the_image_is_small_and_careful():
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]
    last = stages[-1]
    if len(stages) < 2 or "COPY --from=" not in last:
        yield "the image has one stage: it carries the compiler"
    for word in ("USER", "HEALTHCHECK", "EXPOSE 8080 8081", "ENTRYPOINT", "ca-certificates", "libssl3"):
        if not re.search(rf"^\s*(\S.*)?{re.escape(word)}", last, re.M):
            yield f"the image has no {word}"
    user = re.search(r"^USER (\S+)", last, re.M)
    if user and user[1].split(":")[0] in ("0", "root"):
        yield "the image runs as root"
    if "--locked" not in DOCKERFILE or "--features engine-tls" not in DOCKERFILE:
        yield "the image is not built --locked with engine-tls"
    if not re.search(r"^engine-tls = ", (ROOT / "Cargo.toml").read_text(), re.M):
        yield "Cargo.toml has no feature engine-tls"


@check
def what_the_build_needs_is_not_ignored():
    ignored = [
        line.strip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith(("#", "!"))
    ]
    cargo = (ROOT / "Cargo.toml").read_text()
    members = re.findall(r'"([a-z]+)"', re.search(r"^members = \[(.*?)\]", cargo, re.M | re.S)[1])
    needed = {*members, "src", "web", "Cargo.toml", "Cargo.lock", "config.default.toml"}
    needed |= {path.split("/")[0] for path in re.findall(r'^path = "(.*?)"', cargo, re.M)}
    for name in sorted(needed & set(ignored)):
        yield f".dockerignore leaves out {name}, which the build needs"
    for name in ("target", ".git", "secrets", ".env"):
        if name not in ignored:
            yield f".dockerignore lets {name} into the image's build"


@check
def no_secret_is_committed():  # certificates may be
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for path in tracked:
        if os.path.basename(path) == ".env" or path.startswith("secrets/") or holds_key(ROOT / path):
            yield f"{path} is in the repository"


def holds_key(path):
    return path.suffix == ".pem" and "PRIVATE KEY" in path.read_text()


def main() -> int:
    passed = failed = 0
    for look in CHECKS:
        problems = list(look())
        name = look.__name__.replace("_", " ")
        print(f"{'FAILED' if problems else 'ok    '} {name}")
        for problem in problems:
            print(f"         {problem}")
        passed, failed = passed + (not problems), failed + bool(problems)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
