# One set of recipes for people, pre-commit and CI. Each target brings .venv up to date first.

.DEFAULT_GOAL := help
.PHONY: help install spark demo serve services test check fix lock clean bench-score bench-engine pictures

PY := .venv/bin/python
# The launcher ends with make, however make ends.
LAUNCH := exec $(PY) -m config.launcher --tied-to $$PPID
RUN := $(PY) -m config.launcher run --
# What production refuses to start without; nothing connects to these.
PRODUCTION := SWAY_ENV=production SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	ALLOWED_HOSTS=sway.example PUBLIC_URL=https://sway.example EMAIL_URL=smtp://127.0.0.1 DEFAULT_FROM_EMAIL=sway@sway.example DATABASE_URL=postgres://sway@127.0.0.1/sway REDIS_URL=redis://127.0.0.1/0
COMPILE := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

help: ## say what each target does
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 21

install: ## make .venv with everything that development needs
	@requirements/sync dev

spark: ## make .venv with Spark, for SCORING_ENGINE=spark
	@requirements/sync spark

demo: ## the platform over a sample world; PORT sets the port (8000)
	@requirements/sync runtime && $(LAUNCH) demo

serve: ## the platform without a sample world
	@requirements/sync runtime && $(LAUNCH) serve

services: ## PostgreSQL and Valkey alone, until ctrl-C
	@requirements/sync runtime && $(LAUNCH) services

test: ## the tests; ARGS goes to pytest, e.g. ARGS="-k launcher"
	@requirements/sync dev && $(LAUNCH) run --for-tests -- $(PY) -m pytest -n 2 --dist worksteal $(ARGS)

bench-score: dev ## how well the score foretells, and what cheating buys; ARGS="--seed tuning usual" for one world
	$(PY) -m benchmarks.score $(ARGS)

SIZES ?= 1000000,10000000,50000000
bench-engine: dev ## what a night, an import and publishing cost; SIZES=1000000 and ARGS="--only import" for less
	$(PY) -m benchmarks.engine --sizes $(SIZES) $(ARGS)

pictures: dev ## take the README's pictures anew, of a demo that runs in another terminal
	$(PY) -m tests.browser.pictures

CHECKS := style types contracts docstrings migrations settings document
.PHONY: $(CHECKS)
check: $(CHECKS) ## what CI runs before the tests; with -k to the end, in spite of what fails

$(CHECKS): dev
.PHONY: dev
dev:
	@requirements/sync dev

style:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types:
	$(PY) -m mypy

contracts:
	.venv/bin/lint-imports

docstrings:
	$(PY) -m numpydoc lint $$(find scoring/engine -name '*.py')

migrations:
	$(RUN) $(PY) manage.py makemigrations --check --dry-run

settings:
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

document:
	$(PY) manage.py spectacular --validate --fail-on-warn | diff -u openapi.yaml -

fix: ## mend what can be mended: style, order of imports, API document
	@requirements/sync dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) manage.py spectacular --validate --fail-on-warn --file openapi.yaml

lock: ## resolve the dependencies of pyproject.toml anew, into requirements/
	@requirements/sync dev
	$(COMPILE) requirements/install.in -o requirements/install.txt
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra spark --constraint requirements/runtime.txt -o requirements/spark.txt
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt

clean: ## remove .venv and caches; .data, which holds the data, stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
	find . -name __pycache__ -not -path './.data/*' -prune -exec rm -rf {} +
