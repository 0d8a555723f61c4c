"""From a checked bundle to the tenant that is in force: what would change, and the change itself.

A tenant changes in one transaction of its own: the new version of its document, its secrets, what the features keep of
it, and the audit record. The directory, which belongs to no tenant, is written before (a new tenant's number) and after
(its name, hosts and version in force), so that no host leads to a half-applied tenant; applying again mends what a
crash left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.audit import service as audit
from app.config import environment_secret
from app.core import db
from app.core.actor import Actor
from app.core.features import BundleSection
from app.kit import clock
from app.kit.ids import new_token
from app.tenancy import directory, queries, secrets, service
from app.tenancy.bundles.check import Bundle
from app.tenancy.models import AppliedBundle

BRAND_FILES = "brand_files"  # Beside the tables in the stored document: what the pictures were when it was applied.


@dataclass(frozen=True)
class Change:
    """One difference between what is in force and what the bundle says. None: not there."""

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.key} = {_shown(self.after)}"
        if self.after is None:
            return f"- {self.key} (was {_shown(self.before)})"
        return f"~ {self.key}: {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True)
class Plan:
    """What applying a bundle would do to its tenant."""

    bundle: Bundle
    tenant_id: int | None  # None: the tenant does not exist yet.
    changes: Sequence[Change]
    missing_secrets: Sequence[str]

    @property
    def is_empty(self) -> bool:
        return self.tenant_id is not None and not self.changes and not self.missing_secrets


def document_of(bundle: Bundle) -> dict[str, Any]:
    """The bundle as it is stored: plain JSON, numbers with a point as text, the pictures' hashes beside the tables."""
    document: dict[str, Any] = _plain(bundle.source.document)
    document[BRAND_FILES] = {
        key: _picture(bundle, name) for key, name in sorted(bundle.tables["branding"].files.items())
    }
    return document


def plan(bundle: Bundle) -> Plan:
    """Compare a bundle with the tenant that is in force. Changes nothing."""
    slug = bundle.tenant.slug
    with db.directory_scope():
        row = queries.by_slug(slug)
        hosts = queries.hosts_of(row.id) if row is not None else {}
    wanted = document_of(bundle)
    if row is None:
        return Plan(bundle, None, _changes({}, wanted), bundle.secrets)
    with db.tenant_scope(row.id):
        known = queries.newest_version()
        missing = [name for name in bundle.secrets if not secrets.exists(name)]
        missing += [name for name in bundle.secrets if name not in missing and _is_outdated(slug, name)]
    changes = _changes(known.document if known else {}, wanted)
    if known is not None and (known.version != row.config_version or hosts != _hosts_wanted(bundle)):
        changes = [*changes, Change("directory", "out of date", "as the bundle says")]  # A crash came between.
    return Plan(bundle, row.id, changes, missing)


def apply(bundle: Bundle, sections: Sequence[BundleSection], *, by: Actor) -> Plan:
    """Put a bundle in force and answer what changed. Applied again it changes nothing and records nothing."""
    planned = plan(bundle)
    tenant = planned.tenant_id if planned.tenant_id is not None else _found_tenant(bundle)
    with db.tenant_scope(tenant), db.transaction():
        queries.lock_bundle()
        version = _store_version(bundle)
        with service.version_in_force(tenant, version, is_sandbox=bundle.tenant.sandbox):
            _store_secrets(bundle, by)
            for section in sections:
                if section.apply is not None and section.name in bundle.tables:
                    section.apply(bundle.tables[section.name])
        if not planned.is_empty:
            audit.record(
                "tenancy.bundle.apply",
                ("tenant_config", str(version)),
                by=by,
                before={change.key: _shown(change.before) for change in planned.changes},
                after={change.key: _shown(change.after) for change in planned.changes},
            )
    _publish(tenant, bundle, version)
    service.forget()
    return planned


def _found_tenant(bundle: Bundle) -> int:
    """Give a new tenant its number. It has no host yet, so nobody can reach it before its bundle is in force."""
    with db.batch_scope("found tenant"), db.transaction():
        number = queries.add_tenant(bundle.tenant.slug, bundle.tenant.name, is_sandbox=bundle.tenant.sandbox)
    directory.forget()
    return number


def _store_version(bundle: Bundle) -> int:
    document = document_of(bundle)
    digest = _digest(document)
    known = queries.newest_version()
    if known is not None and known.digest == digest:
        return known.version
    version = known.version + 1 if known is not None else 1
    db.session().add(AppliedBundle(version=version, document=document, digest=digest, applied_at=clock.now()))
    db.session().flush()
    return version


def _store_secrets(bundle: Bundle, by: Actor) -> None:
    """Take what the environment gives; in a sandbox make up what nobody gave. Values never reach a record or a log."""
    slug = bundle.tenant.slug
    for name in bundle.secrets:
        given = environment_secret(slug, name)
        is_known = secrets.exists(name)
        if given is not None and not (is_known and secrets.get(name) == given):
            secrets.put(name, given)
        elif given is None and not is_known:
            assert bundle.tenant.sandbox, "the check refuses an unresolved secret"
            secrets.put(name, new_token())
        else:
            continue
        audit.record("tenancy.secret.put", ("tenant_secret", name), by=by, reason="bundle")


def _publish(tenant: int, bundle: Bundle, version: int) -> None:
    """Let the directory say what the tenant's own transaction has decided."""
    wanted = _hosts_wanted(bundle)
    with db.batch_scope("publish tenant"), db.transaction():
        queries.publish_version(tenant, bundle.tenant.name, version, is_sandbox=bundle.tenant.sandbox)
        if queries.hosts_of(tenant) != wanted:
            queries.replace_hosts(tenant, wanted)


def _hosts_wanted(bundle: Bundle) -> queries.Hosts:
    return {
        host: (audience, number == 0)
        for audience, names in bundle.hosts.by_audience().items()
        for number, host in enumerate(names)
    }


def _is_outdated(slug: str, name: str) -> bool:
    given = environment_secret(slug, name)
    return given is not None and secrets.get(name) != given


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, (bool, int, str)) else str(value)  # Decimals and dates are kept as written.


def _picture(bundle: Bundle, name: str) -> dict[str, str]:
    content = bundle.source.brand_file(name).read_bytes()
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest()}


def _digest(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        Change(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        return [pair for name, inner in value.items() for pair in _flat(inner, f"{key}.{name}" if key else name)]
    if isinstance(value, list) and any(isinstance(inner, (Mapping, list)) for inner in value):
        return [pair for number, inner in enumerate(value, start=1) for pair in _flat(inner, f"{key}[{number}]")]
    return [(key, value)]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, Mapping)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
