# Two commands matter: `make regression` and `make test`. Both set up everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LAB ?= lab.yaml
SOAK_SECONDS ?= 3600

# Hundreds of processes import the project: compiling it anew in each would take most of their time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: regression test setup bench soak lint clean

# The short bench comes first, so that the last line of all is where the report is. With ARGS the suites are narrowed,
# and the bench is left out.
regression: setup
	@bench=0; if [ -z "$(ARGS)" ]; then $(BIN)/pytest benches -m bench -k short --lab=$(LAB) -q || bench=$$?; fi; \
	$(BIN)/pytest --lab=$(LAB) --allow-virtual-flash $(ARGS) && exit $$bench

# Four at once on two cores: they wait more than they work. Who runs what: selftests/conftest.py.
test: setup lint
	@$(BIN)/pytest selftests -n 4 $(ARGS)

setup: $(STAMP)
	@sh tools/packages.sh

$(STAMP): pyproject.toml constraints.txt tools/environment.sh
	@sh tools/environment.sh $(PYTHON) $(VENV)
	@touch $@

bench: setup
	@$(BIN)/pytest benches -m bench $(ARGS)

soak: setup
	@SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/pytest benches/bench_soak.py -m bench $(ARGS)

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
