"""Tenants: hosts, branding, languages, switches, secrets. `tenancy.current()` is the bound one."""

from app.tenancy.service import TenantConfig, current, of

__all__ = ["TenantConfig", "current", "of"]
