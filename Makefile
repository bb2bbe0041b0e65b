# NiX node. The two commands to know: make run, make test.

GO       ?= go
BIN      := bin/nixnode
FUZZTIME ?= 30s
MINUTES  ?= 10
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
BUILT    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
PKG      := github.com/nixnode/nixnode/cmd/nixnode
LDFLAGS  := -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.built=$(BUILT)

# The race detector needs a C compiler. Where there is none, the tests still run
# and say so; `make race` insists.
HAVE_CC  := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo yes)
RACE     := $(if $(HAVE_CC),-race,)

.PHONY: all conformance licenses build run cluster test race fuzz lint check compat bench bench-fsm bench-expiry cover chaos clean rounds

all: build

# After a change of modules: collects the licences that /ops/licenses shows.
licenses:
	$(GO) generate ./internal/licenses

build:
	$(GO) build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/nixnode

# One node in dev mode, and a worked exchange of a content package against it.
# The node goes on until Ctrl-C.
run: build
	$(BIN) dev --memory --demo

# Three node processes on loopback; the demo with each party on another node,
# and the leader killed in the middle.
cluster: build
	$(BIN) cluster-demo

test:
	@[ -n "$(RACE)" ] || echo "make test: no C compiler found, so the race detector is off (make race insists on it)"
	$(GO) test $(RACE) -timeout 9m ./...

race:
	CGO_ENABLED=1 $(GO) test -race -timeout 15m ./...

# Every fuzz target for FUZZTIME each.
fuzz:
	GO="$(GO)" FUZZTIME="$(FUZZTIME)" sh scripts/fuzz.sh

# Nodes crash, pause and are cut off for MINUTES in one process, and as long in
# processes of their own; TESTCLUSTER_SEED=n repeats the run that began with n.
chaos:
	TESTCLUSTER_CHAOS=$(MINUTES) $(GO) test $(RACE) -timeout 0 -count 1 -v -run 'PromisesHold' ./testcluster

# Each change of promise 4, made on one node and looked for on another by the very
# next request, 250 times each.
rounds:
	TESTCLUSTER_ROUNDS=250 $(GO) test $(RACE) -timeout 20m -count 1 -v -run 'AChangeIsSeen' ./testcluster

lint:
	@out="$$(gofmt -l $$(git ls-files '*.go'))"; [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

check: lint test

# The independent client in JavaScript against three nodes. Needs Node 20 and npm.
compat: build
	sdk/compat/run.sh $(BIN)

# The protocol page, case by case, against one node and against three. CASES
# selects by id: make conformance CASES='^7\.'
conformance: build
	NIXNODE=$(BIN) bash scripts/conformance.sh --run '$(CASES)'

# Messages a second and p50/p99 for 1, 16, 64, 256 senders on one and three nodes.
bench: build
	$(GO) run ./bench -binary $(BIN) $(BENCHFLAGS)

# How fast the state machine alone applies.
bench-fsm:
	$(GO) test -run '^$$' -bench . -benchmem ./fsm ./jose

# How long single writes take while a backlog of messages expires, and without:
# make bench-expiry BACKLOG=1000000
BACKLOG ?= 200000
bench-expiry:
	NIXNODE_BACKLOG=$(BACKLOG) $(GO) test -run '^$$' -bench WritesDuringExpiry -benchtime 1x -timeout 30m ./node

cover:
	$(GO) test -timeout 9m -coverprofile=cover.out -coverpkg=./... ./...
	$(GO) tool cover -func=cover.out | tail -n 1

clean:
	rm -rf bin cover.out
