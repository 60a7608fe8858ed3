# The commands of a checkout. Each installs what the machine lacks first (deploy/setup/install), and builds outside the checkout, so that a fresh clone does not build RocksDB again.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build demo test soak check bench

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/c360
export CARGO_TARGET_DIR ?= $(CACHE)/target
# rustup's cargo, where the shell has not been told of it yet; then our own tools.
export PATH := $(PATH):$(HOME)/.cargo/bin:$(CACHE)/tools/bin
BIN := $(CARGO_TARGET_DIR)/release/c360
# RocksDB's C++ takes 25 CPU-minutes, and cargo compiles it again for each set of features: behind ccache the second time is nearly free.
CCACHE := if command -v ccache >/dev/null && command -v g++ >/dev/null; then export CC="ccache gcc" CXX="ccache g++"; fi;
ADVISORIES := https://github.com/RustSec/advisory-db

help: ## these lines
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

build: ## builds the binary; the last line printed is its path
	@deploy/setup/install build
	@$(CCACHE) cargo build --release --bin c360
	@if C360_PLANTED_BUG=no-fencing "$(BIN)" config check >/dev/null 2>&1; then echo "$(BIN) was built for tests: bugs can be planted in it" >&2; exit 1; fi
	@echo "$(BIN)"

demo: build ## a made-up company's year, then live: the console and the alerts (DEMO_SECONDS=n ends it)
	@exec "$(BIN)" demo

test: ## every test, on the embedded log and on a real Kafka
	@deploy/setup/install test
	@$(CCACHE) KAFKA_LIGHT=$${KAFKA_LIGHT-1} cargo test --release --workspace

soak: ## faults for about an hour: ROUNDS=200 on each log (LOG=kafka for one), from SEED=1 on, and SEEDS=100000 of the simulator
	@deploy/setup/install test
	@failed=0; $(CCACHE) \
	  KAFKA_LIGHT=$${KAFKA_LIGHT-1} cargo test --release --test survival soak -- --ignored --nocapture --test-threads 1 || failed=1; \
	  cargo run --release -p c360-simulator -- --seeds "$${SEEDS:-100000}" || failed=1; exit $$failed

check: ## formatting, lints, licences and sources of dependencies, documentation
	@deploy/setup/install build
	@cargo fmt --all --check
	@$(CCACHE) cargo clippy --release --workspace --all-targets -- -D warnings
	@$(CCACHE) RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps
	@deploy/setup/install check
	@cargo deny --log-level warn check licenses bans sources
	@if GIT_TERMINAL_PROMPT=0 timeout 15 git ls-remote -q "$(ADVISORIES)" HEAD >/dev/null 2>&1; then cargo deny --log-level warn check advisories; \
	  else echo "advisories: left out, their database cannot be reached from here"; fi

bench: build ## the benchmarks, as ratios to their baselines in the same run (a quarter of an hour; docs/performance.md has the large ones)
	@deploy/setup/install bench
	@$(CCACHE) benches/run
