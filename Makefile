# Two commands matter: `make regression` and `make test`. Both set up everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LAB ?= lab.yaml

.PHONY: regression test setup bench lint clean

regression: setup
	@$(BIN)/pytest --lab=$(LAB) $(ARGS)

test: setup lint
	@$(BIN)/pytest selftests -n 2 --dist worksteal $(ARGS)

setup: $(STAMP)
	@sh tools/packages.sh

$(STAMP): pyproject.toml constraints.txt tools/environment.sh
	@sh tools/environment.sh $(PYTHON) $(VENV)
	@touch $@

bench: setup
	@$(BIN)/pytest benches -m bench $(ARGS)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

# The journal of a unit that a killed run left changed is the only way to put it back.
clean:
	@if ls .nportlab/journal/* >/dev/null 2>&1; then \
	    echo "clean     .nportlab stays: units were left changed; put them back first: nportlab recover"; \
	else rm -rf .nportlab; fi
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
