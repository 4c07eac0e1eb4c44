# Everything that is done to this repository is a target here; `make help` lists them.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null | sed 's/^v//' || echo 0.0.0-dev)
GO      ?= go
# Without gRPC's own modules and tracing the binary is smaller and idles in less memory.
TAGS    := disable_grpc_modules,grpcnotrace
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD   := $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'
# How long each fuzz target runs.
FUZZTIME ?= 60s

export CGO_ENABLED = 0

.DEFAULT_GOAL := build
.PHONY: build demo test test-distros test-servers lint tools fuzz bench torture packages repo clean help

build: ## build the static binary bin/etcdward
	$(BUILD) -o bin/etcdward ./cmd/etcdward

demo: build ## show the whole life of a backup on a throw-away cluster, in about a minute
	bin/etcdward demo

tools: ## build the test servers and checkers, pinned, into .tools/
	test/tools/build

test-servers: ## run the conformance suite of the stores on MinIO too, which takes some ten minutes to build
	test/tools/build minio rclone share versitygw
	$(GO) test -count=1 ./storage/...

test: tools ## run every test, race detector on
	CGO_ENABLED=1 test/run

lint: ## check the format, the imports and the code
	test/tools/build golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	$(GO) vet -tags $(TAGS) ./...
	.tools/golangci-lint run ./...

fuzz: ## run every fuzz target for FUZZTIME
	test/fuzz $(FUZZTIME)

bench: tools ## measure against etcdctl and etcdutl, as ratios in one run
	$(GO) test -timeout 60m -run '^$$' -bench . -benchtime 3x ./...

torture: tools ## what kills, damages and cuts off, five times over
	CGO_ENABLED=1 test/run -count=5 -run 'Kill|Damage|Rough|ThreeAgents|StoreAway'

packages: ## build dist/*.deb and dist/*.rpm, amd64 and arm64, each with an SBOM
	test/tools/build nfpm
	packaging/build $(VERSION) $(TAGS)

repo: packages ## make signed local apt and yum repositories of them in dist/repo
	packaging/repo

test-distros: ## install, upgrade, remove and purge the packages on Debian 11, 12 and 13 (root)
	test/distros $(TAGS) bullseye bookworm trixie

clean: ## remove what was built, but for .tools/
	rm -rf bin dist

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)
