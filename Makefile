# Everything needs Python 3.11 or newer, make, git and the package registries; nothing else.
#   make demo          three broker brands on this machine, until Ctrl-C      FRESH=1 starts over
#   make test          every check and every test                             ARGS="-k ledger" passes words to pytest
#   make check         style, types and contracts
#   make bench         the benchmarks, one JSON line per figure               ONLY=ledger,sync picks by name
#   make lock          compile requirements.lock again
#   make protos        generate the Python of every .proto file again
#   make clean         remove what was made here (kept: .venv with CLEAN_VENV unset)

PYTHON ?= python3
VENV = .venv/bin
WORKERS ?= 2
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check lint bench lock protos clean env
.DEFAULT_GOAL := demo

env:
	@$(PYTHON) -m tools.bootstrap

demo: env
	@exec $(VENV)/python -m tools.demo

check: env
	@$(MAKE) --no-print-directory lint

lint:
	@echo "  ruff check"; $(VENV)/ruff check .
	@echo "  ruff format --check"; $(VENV)/ruff format --check .
	@echo "  mypy --strict app"; $(VENV)/mypy app
	@echo "  import contracts"; $(VENV)/lint-imports --no-logo 2>/dev/null || $(VENV)/lint-imports

test: env
	@$(VENV)/python -m tools.browser
	@$(MAKE) --no-print-directory lint
	@$(VENV)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

bench: env
	@exec $(VENV)/python -m bench.run --only "$(ONLY)"

lock: env
	@$(VENV)/uv pip compile --universal --python-version 3.11 --generate-hashes -q --overrides requirements-overrides.in requirements-dev.in -o requirements.lock

protos: env
	@PATH="$(CURDIR)/$(VENV):$$PATH" $(VENV)/python -m grpc_tools.protoc -I. --python_out=. --mypy_out=quiet:. $(shell find app -name '*.proto')

clean:
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache test-results var/log var/bench
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
	@$(if $(CLEAN_VENV),rm -rf .venv)
