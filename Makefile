# make help lists the targets. Everything runs from a fresh checkout with Go alone; tools come pinned from tools/go.mod.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 20s
TESTFLAGS ?= -timeout 10m
# The race detector and DuckDB (later, in the warehouse) need cgo; nothing else does.
NOCGO   := CGO_ENABLED=0

.DEFAULT_GOAL := help
.PHONY: help demo build build-nocgo test check conformance fmt fix generate bench fuzz nightly deadcode clean
.PHONY: check-fmt check-templ check-vet check-lint check-arch check-vuln

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## start the demonstration: a federation on this machine
	bin/kuayu demo

build: ## the program, as bin/kuayu
	$(GO) build -trimpath -o bin/kuayu ./cmd/kuayu

build-nocgo: ## the same without cgo: one static file, as bin/kuayu-nocgo
	$(NOCGO) $(GO) build -trimpath -o bin/kuayu-nocgo ./cmd/kuayu

test: ## all tests; needs nothing outside the repository
	$(NOCGO) $(GO) test $(TESTFLAGS) ./...

conformance: ## the Dataspace Protocol's conformance kit, twice; says so if it cannot be had
	@GO="$(GO)" tools/conformance.sh

check: check-fmt check-templ check-vet check-lint check-arch check-vuln ## format, vet, lint, imports, generated pages, known vulnerabilities

check-fmt:
	@out=$$($(NOCGO) $(TOOL) gofumpt -l -extra .) || exit 1; \
	if [ -n "$$out" ]; then echo "not formatted, run make fmt:"; echo "$$out"; exit 1; fi; echo "gofumpt: ok"

# Templates are Go code that a generator wrote: whether it still would.
check-templ:
	@GO="$(GO)" tools/templcheck.sh

check-vet:
	$(NOCGO) $(GO) vet ./...

check-lint:
	$(NOCGO) $(TOOL) golangci-lint run ./...

# Imports, sizes, names on pages, and whether docs/errors.md and docs/law.md are what the sources say.
check-arch:
	$(NOCGO) $(GO) test -count=1 ./internal/arch
	$(NOCGO) $(GO) test -count=1 ./exchange/law -run '^(TestLawPage|TestProcessPages)$$'

check-vuln:
	@GO="$(GO)" tools/vulncheck.sh

fmt: ## format the sources
	$(NOCGO) $(TOOL) templ fmt web
	$(NOCGO) $(TOOL) gofumpt -w -extra .

fix: fmt ## format, and let the linter correct what it can, unneeded suppressions too
	$(NOCGO) $(TOOL) golangci-lint run --fix ./...

generate: ## write generated pages and templates anew
	$(NOCGO) $(TOOL) templ generate -path web
	$(NOCGO) $(GO) test -count=1 ./internal/arch -run '^TestErrorsPage$$' -update
	$(NOCGO) $(GO) test -count=1 ./exchange/law -run '^(TestLawPage|TestProcessPages)$$' -update

bench: build ## measure; docs/performance.md says what the figures mean
	bin/kuayu bench evidence
	bin/kuayu bench exchange
	bin/kuayu bench negotiation
	bin/kuayu bench catalog
	bin/kuayu bench console

fuzz: ## every fuzz target for FUZZTIME (20s)
	@GO="$(GO)" tools/fuzz.sh $(FUZZTIME)

nightly: ## the long run: race detector, repeated tests, long fuzzing, measurements
	KUAYU_PAGES=all $(NOCGO) $(GO) test -count=1 -timeout 20m -run TestEveryPage ./demo
	KUAYU_FAULTS=full $(NOCGO) $(GO) test -count=1 -timeout 30m -run TestFault ./demo
	KUAYU_CUTS=2000 $(NOCGO) $(GO) test -count=1 -timeout 40m -run PowerLoss ./demo
	KUAYU_MEMBERS=47 $(NOCGO) $(GO) test -count=1 -timeout 10m -v -run TestChangeDoesNotFlood ./demo
	KUAYU_NEGOTIATIONS=1000 $(NOCGO) $(GO) test -count=1 -timeout 20m -v -run TestManyNegotiations ./demo
	$(GO) test -race -count=1 -timeout 40m ./...
	$(NOCGO) $(GO) test -count=3 -shuffle=on -timeout 60m ./...
	$(MAKE) fuzz FUZZTIME=5m
	$(MAKE) bench

deadcode: ## functions no program reaches
	$(NOCGO) $(TOOL) deadcode -test ./...

clean: ## remove what was built
	rm -rf bin dist
