# veille: `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build run watch browser test check race fuzz bench budgets score shots a11y trust golden generate lint clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 12

build: ## build bin/veille
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/veille ./cmd/veille

run: build ## start the sample press and everything else, without any network (ARGS=--once ends by itself)
	bin/veille demo $(ARGS)

watch: build ## watch the real sources
	bin/veille run $(ARGS)

browser: ## Chromium for the tests of the pages: installed where it is missing and that is allowed
	@command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null 2>&1 || [ -n "$${VEILLE_NO_BROWSER:-}" ] || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "the tests of the pages need Chromium: apt-get install chromium, or set VEILLE_NO_BROWSER=1 to leave them out" >&2; exit 1; fi

test: build browser ## format, vet and all tests
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

bench: ## the benchmarks beside the code; then 100,000 articles in the index, in stock bleve and in SQLite FTS5 (takes long, needs cgo)
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v /index$$)
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
		export VEILLE_BENCH_DOCS=$${VEILLE_BENCH_DOCS:-100000} VEILLE_BENCH_DIR=$${VEILLE_BENCH_DIR:-$$dir}; \
		$(GO) test -run '^$$' -bench 'Build|Beside|Corpus|Search|Death|Analyze' -benchtime 500ms -timeout 60m ./index; \
		cd bench && $(GO) test -tags fts5 -run '^$$' -bench . -benchtime 500ms -timeout 60m .

budgets: browser ## bytes and times of the pages over 200,000 articles (a quarter of an hour; VEILLE_BUDGET_DIR keeps the index)
	VEILLE_BUDGET_DOCS=$${VEILLE_BUDGET_DOCS:-200000} $(GO) test ./serve -run '^TestBudgets$$' -count=1 -v -timeout 60m

GOLD := fixtures/press/gold.jsonl extract/testdata/gold/read.jsonl extract/testdata/gold/train-a.jsonl extract/testdata/gold/train-b.jsonl extract/testdata/gold/blind.jsonl extract/testdata/gold/fresh.jsonl

score: build ## figures of extraction and search, written where a change shows
	@for f in $(GOLD); do echo "== $$f"; bin/veille eval --gold $$f --deals; echo; done | tee extract/testdata/score.txt
	$(GO) test ./ingest/page -run 'Structures|SamplePress' -count=1 -v | grep -E 'pages:|of them' || true
	$(GO) test ./index -run Quality -count=1 -v | grep -vE '^(=== |--- |PASS|ok )' || true
	@git --no-pager diff --stat -- extract/testdata/score.txt index/testdata

shots: build browser ## screenshots of every page, both languages, light and dark, into shots/
	$(GO) run ./internal/browser/look -shots shots

a11y: build browser ## every page through axe-core (npm, into a folder that git ignores)
	@[ -f node_modules/axe-core/axe.min.js ] || npm install --silent --no-save --no-package-lock axe-core@4
	$(GO) run ./internal/browser/look -axe node_modules/axe-core/axe.min.js
	VEILLE_A11Y=1 $(GO) test ./serve -run '^TestAxe$$' -count=1 -v -timeout 20m

trust: ## the long profiles of the tests against faults, attacks and kills
	VEILLE_TRUST=1 $(GO) test ./ingest/... ./internal/guard ./alert/... ./bus/... ./cmd/veille -count=1

golden: ## rewrite golden files and generated documents; read the diff
	$(GO) test ./cmd/veille -run 'Docs|Scripts' -update
	$(GO) test ./fixtures -run Gold -update
	$(GO) test ./ingest/page -run 'Structures|SamplePress' -count=1 -v | grep -E 'pages:|of them' || true
	$(GO) test ./index -run Quality -args -update
	git diff --stat

generate: ## what is made from other files: schemas, compiled catalogue
	$(GO) generate ./...

lint: ## golangci-lint, when it is installed
	golangci-lint run

clean: ## remove what build made
	rm -rf bin
