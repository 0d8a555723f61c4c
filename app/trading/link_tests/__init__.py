"""Tests of a platform's connection: asked for on a page, carried out by the connector that owns the connection."""
