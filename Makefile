# The two commands of the README are `make run` and `make test`; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# Node 24 comes as an npm package; where npm has none for this system, the system's own node must be 24 or newer.
NODE = $(firstword $(wildcard node_modules/.bin/node) node) --disable-warning=ExperimentalWarning
PACKAGES := node_modules/.package-lock.json
CLUSTER ?=
FORGE ?=

$(PACKAGES): package.json package-lock.json
	@printf 'installing npm packages '
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error & pid=$$!; \
	while kill -0 $$pid 2>/dev/null; do printf .; sleep 1; done; wait $$pid; status=$$?; echo; exit $$status
	@touch $@

.PHONY: help run test lint format generate build image bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(PACKAGES) ## a cluster, the image, the chart, a pool of 3 and one real job through it (CLUSTER=current|kind|local|controlplane chooses); FORGE=gitea: with a real Gitea
	@$(NODE) hack/run.ts $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(FORGE),--forge $(FORGE))

test: $(PACKAGES) ## every test there is
	@$(NODE) hack/test.ts

lint: $(PACKAGES) ## formatter, linter, types, and whether generated files are up to date
	@npm run --silent lint

format: $(PACKAGES) ## format every file
	@npm run --silent format

generate: $(PACKAGES) ## write the CRDs, the reference and the OpenAPI document anew from the schemas
	@npm run --silent generate

build: $(PACKAGES) ## bundle dist/
	@npm run --silent build

image: build ## the image as a tar that docker load, kind and ctr take
	@$(NODE) hack/image/main.ts

bench: $(PACKAGES) ## measure, and print ratios taken side by side
	@$(NODE) hack/bench.ts

clean: ## remove everything that make run made: the cluster, the image, dist
	@if [ -e $(PACKAGES) ]; then $(NODE) hack/clean.ts $(if $(CLUSTER),--cluster $(CLUSTER)); else echo 'nothing was made'; fi
