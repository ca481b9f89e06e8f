"""The settings that there are: what config.default.toml sets, and what it documents without setting."""

import pathlib
import re
import tomllib

# "# signing_key (or signing_key_file): …", "# tls_cert, tls_key: …", "# key_id = …": settings without a default.
NAMES = r"[a-z][a-z0-9_]*(?:,\s*[a-z][a-z0-9_]*)*"
DOCUMENTED = re.compile(rf"^#\s*({NAMES})\s*(?:\(or\s+({NAMES})\))?\s*[:=]")
SECTION = re.compile(r"^\[([a-z0-9_.]+)\]")


class Settings:
    """Paths of settings, such as `auth.issuer`."""

    def __init__(self, file: pathlib.Path):
        text = file.read_text()
        self.set: set = set()
        self.documented: set = set()
        self._leaves("", tomllib.loads(text))
        section = ""
        for line in text.splitlines():
            if match := SECTION.match(line):
                section = match[1] + "."
            elif match := DOCUMENTED.match(line):
                names = ",".join(filter(None, match.groups()))
                self.documented |= {section + name.strip() for name in names.split(",")}

    def objection(self, variable: str) -> str | None:
        """Why the program would refuse `PARLOR__SECTION__KEY`, or None."""
        path = variable.removeprefix("PARLOR__").lower().replace("__", ".")
        if path in self.set | self.documented:
            return None
        secret = path.removesuffix("_file")
        if secret == path:
            return f"{variable}: config.default.toml has no {path}"
        if secret in self.documented:
            return None
        if secret in self.set:
            return f"{variable}: {secret} has a default, so the program would find both set and refuse"
        return f"{variable}: config.default.toml has no {secret}"

    def _leaves(self, prefix: str, value) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._leaves(f"{prefix}.{key}" if prefix else key, inner)
            return
        self.set.add(prefix)
        if value == "":  # an empty default counts as unset
            self.documented.add(prefix)
