"""Messages of the Manager API, generated from `ctmgr.proto` by `make protos`."""
