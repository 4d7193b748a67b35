# Two commands to begin with: `make demo` and `make test`. `make` alone lists the others.
.DEFAULT_GOAL := help
RUN := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
SOURCES := flows tasks txo_core deployments tests benchmarks

# An environment whose Python is gone, or that was moved with its folder, is made anew.
ifneq ($(shell cat .venv/ready 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/ready)
endif
$(shell test -x .venv/bin/python || rm -f .venv/ready)

.PHONY: help demo demo-faults sandbox test test-slow test-all check lint types layers secrets audit format deployments deploy server worker schema picture lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/ready ## a report from a live API: sandbox, credentials, then python flows/report.py demo test
	@$(RUN) deployments/demo.py

demo-faults: .venv/ready ## the same flow against the same API with faults switched on
	@$(RUN) deployments/demo.py --faults

sandbox: .venv/ready ## the sandbox API, to play with; stop it with Ctrl-C
	@$(RUN) -m deployments.sandbox

test: .venv/ready ## the fast suite
	@$(RUN) -m pytest -q -n auto --dist loadfile

test-slow: .venv/ready ## the slow tests: servers, workers, schedules; those that watch time one after the other
	@$(RUN) -m pytest -q -m "slow and not alone" -n auto --dist loadfile
	@$(RUN) -m pytest -q -m alone

test-all: test test-slow ## every test

check: lint types layers test ## what a commit has to pass

lint: .venv/ready ## style and common mistakes
	@ruff check $(SOURCES)
	@ruff format --check --quiet $(SOURCES) || { ruff format --diff $(SOURCES); exit 1; }

types: .venv/ready ## mypy, strict
	@mypy

layers: .venv/ready ## imports go down only
	@lint-imports --no-cache

secrets: .venv/ready ## look for secrets in all files and in the history
	@$(RUN) deployments/secret_scan.py
	@$(RUN) deployments/secret_scan.py --history

audit: .venv/ready ## known vulnerabilities and licences of the locked packages; skipped aloud where nobody can be asked
	@$(RUN) deployments/audit.py

format: .venv/ready ## bring the code into shape
	@ruff check --fix --quiet $(SOURCES)
	@ruff format $(SOURCES)

deployments: .venv/ready ## write prefect.yaml from deployments/schedules.yaml
	@$(RUN) deployments/prefect_yaml.py

deploy: .venv/ready ## create the work pool and the deployments on the Prefect server
	@$(RUN) deployments/prefect_yaml.py --deploy

server: .venv/ready ## a Prefect server that stays, on this machine; the key of its blocks is kept apart from them
	@$(RUN) deployments/server.py

worker: .venv/ready ## a worker for them, on this machine
	@prefect worker start --pool txo

schema: .venv/ready ## write config/config.schema.json from the models
	@$(RUN) deployments/config_schema.py

picture: ## docs/report.png from the newest report of the demo (needs LibreOffice, poppler-utils, ImageMagick)
	@sh deployments/report_picture.sh

lock: .venv/ready ## resolve requirements.lock anew (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-strip-extras --only-binary :all: --no-header --quiet -o requirements.lock

clean: ## remove the environment and the caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

.venv/ready: requirements.lock pyproject.toml deployments/environment.sh
	@sh deployments/environment.sh
