"""The simulator's own message definitions and the classes generated from them (`make protos`)."""
