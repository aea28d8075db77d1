# veille: `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build run watch test check race fuzz bench score golden generate lint clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 12

build: ## build bin/veille
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/veille ./cmd/veille

run: build ## start the sample press and everything else, without any network (ARGS=--once ends by itself)
	bin/veille demo $(ARGS)

watch: build ## watch the real sources
	bin/veille run $(ARGS)

test: build ## format, vet and all tests
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
		if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted" >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) test ./...

check: ## quick: vet and the tests of what changed
	$(GO) vet ./...
	$(GO) test -short ./...

race: ## all tests under the race detector
	$(GO) test -race ./...

fuzz: ## thirty seconds for each fuzz target
	@for target in $$(grep -rlE '^func Fuzz' --include=*_test.go . | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9]+' $$target/*_test.go | sed 's/func //'); do \
			echo "$$target $$f"; $(GO) test $$target -run '^$$' -fuzz "^$$f$$" -fuzztime 30s; done; done

bench: ## the benchmarks, beside the code they measure
	$(GO) test -run '^$$' -bench . -benchmem ./...

score: build ## quality of extraction and search, written where a change shows
	$(GO) test ./extract/... ./index/... ./ingest/page/... -run 'Score|Quality' -count=1 -v | grep -vE '^(=== |--- |PASS|ok )' || true

golden: ## rewrite golden files; read the diff
	$(GO) test ./... -run Golden -update 2>/dev/null || true
	git diff --stat

generate: ## what is made from other files: schemas, compiled catalogue
	$(GO) generate ./...

lint: ## golangci-lint, when it is installed
	golangci-lint run

clean: ## remove what build made
	rm -rf bin
