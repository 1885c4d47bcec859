# relaysim: every routine task by name. `make` alone lists them.
# Needs go (see go.mod), make and git; `make race` also a C compiler.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools.mod
BIN     := bin/relaysim
SHIPPED := internet-relays branch-outage cgn-homes vpn-tunnels hotel-portal split-dns two-firewalls morning-storm
# Replications of `make run` and of the reference outputs, so that the one can
# be compared with the other.
REPLICATIONS ?= 10
FUZZTIME     ?= 10s
BENCHCOUNT   ?= 1

# Go stamps the commit into the binary by asking git, and stops when git will
# not answer (a copy without history, a folder of another user).
STAMP := $(shell git status >/dev/null 2>&1 || echo -buildvcs=false)

# What check and .ci/run go through, in this order.
CHECKS := test fmt-check vet lint tidy race test-32 cross same-bytes reference-check bench-gate fuzz

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build run check checks fmt reference mutants mutants-kernel test-kernel test-kernel-fresh bench bench-short bench-peers bench-instr bench-go cover clean $(CHECKS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/relaysim
	$(GO) build -trimpath $(STAMP) -o $(BIN) ./cmd/relaysim

run: build ## run the main job on the shipped scenario and show its result
	$(BIN) run internet-relays --replications $(REPLICATIONS)

test: ## run all tests (no root; modules are fetched on first use)
	$(GO) test ./...
	@echo "not run: the comparison with the Linux kernel (as root: make test-kernel)"

check: $(CHECKS) ## everything that CI runs without root (it also runs test-kernel)

checks: ## name the parts of check
	@echo $(CHECKS)

fmt: ## rewrite the sources in the house format
	$(TOOL) gofumpt -w .

fmt-check: ## fail on sources that are not in the house format
	@out=$$($(TOOL) gofumpt -l .) || exit 1; \
	if [ -n "$$out" ]; then echo "not formatted (run make fmt):"; echo "$$out"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

lint: ## staticcheck, kept at zero findings
	$(TOOL) staticcheck ./...

tidy: ## fail if go.mod or go.sum is not tidy
	$(GO) mod tidy -diff

# What -short leaves out is the same code over more scenarios; `make test` has it.
race: ## run the tests under the race detector
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...

test-32: ## run the model's tests as a 32-bit program (386, or arm under qemu-arm)
	GO="$(GO)" tools/test-32 ./vtime/... ./rng/... ./selection/... ./topology/... ./sim/... ./results/...

cross: ## type-check everything for the other systems
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=darwin  GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=linux   GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=linux   GOARCH=386   CGO_ENABLED=0 $(GO) vet ./...

same-bytes: build ## compare whole runs over levels, workers and GOMAXPROCS
	tools/same-bytes $(BIN) $(SHIPPED)

reference: build ## regenerate results/reference/ (read the diff before committing)
	REPLICATIONS=$(REPLICATIONS) tools/reference write $(BIN) $(SHIPPED)

reference-check: build ## fail if a run differs from results/reference/ in any byte
	REPLICATIONS=$(REPLICATIONS) tools/reference check $(BIN) $(SHIPPED)

fuzz: ## fuzz every target for FUZZTIME each (10s)
	GO="$(GO)" tools/fuzz $(FUZZTIME)

mutants: ## carry out the faults of docs/model.md; each must make its test fail
	GO="$(GO)" tools/mutants

test-kernel: ## compare the model with the Linux kernel (root, ip and nft)
	$(GO) vet -tags kernel ./lab
	$(GO) test -tags kernel -count 1 -timeout 20m -v ./lab

test-kernel-fresh: ## the random networks of that with seeds of today (nightly)
	$(GO) test -tags kernel -count 1 -timeout 20m -v -run TestRandomNetworks ./lab -args -lab.seed $$(date +%Y%m%d)000

mutants-kernel: ## carry out the faults of docs/validation.md; test-kernel must find each
	GO="$(GO)" tools/mutants-kernel

# What is measured, and how, is in docs/performance.md. All values also go to
# results/bench.json.
bench: bin/bench ## measure all that docs/performance.md speaks of (under 10 minutes)
	GO="$(GO)" bin/bench -set all

bench-short: bin/bench ## measure the most important of it (60 s)
	GO="$(GO)" bin/bench -set short

bench-gate: bin/bench ## fail if a ratio or count of docs/performance.md is out of bounds
	GO="$(GO)" bin/bench -set gate -o results/bench-gate.json

bench-peers: bin/bench ## compare with other simulators that are installed (SimPy)
	bin/bench -set peers -o results/bench-peers.json

bench-instr: bin/bench ## count instructions a selection under callgrind (valgrind, if it is installed)
	bin/bench -set instr -o results/bench-instr.json

.PHONY: bin/bench
bin/bench:
	$(GO) build -trimpath $(STAMP) -o $@ ./tools/bench

bench-go: ## run the benchmarks of the packages BENCHCOUNT times (1); compare two outputs with benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count $(BENCHCOUNT) ./...

cover: ## run all tests with coverage and print the total
	$(GO) test -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -func=coverage.out | tail -n 1

clean: ## remove what was built or measured, not results
	rm -rf bin coverage.out
