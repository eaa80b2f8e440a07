# Each target is one line; `make` alone says what there is.
BIN := cargo run --release --quiet --

.PHONY: help demo serve build test faults model lint coverage bench packages

help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 18

demo: ## serve made-up data that changes every few seconds, at http://127.0.0.1:8000/
	$(BIN) serve --demo

serve: ## the same against the real API
	$(BIN) serve

build: ## one refresh into public/
	$(BIN) build once

test: packages ## every test; T=name runs those whose name contains it
	cargo test -- --include-ignored $(T)

faults: packages ## the table of faults, each made to happen
	cargo test --quiet --test it -- --include-ignored --nocapture faults::

model: ## the protocol of replicas, checked in millions of states (minutes, 4 GB)
	MOVIES_GEN_MODEL=large CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --quiet --test it -- --nocapture protocol::laws

lint: ## formatting and clippy, warnings denied, and the table of imports
	cargo fmt --check && cargo clippy --all-targets --quiet -- -D warnings && cargo test --quiet --test it tidy

coverage: packages ## coverage by file
	.ci/coverage

bench: ## cold start, payload to published, memory
	cargo bench --quiet --bench figures

packages: # what the tests need beside a toolchain
	.ci/packages redis-server nginx chromium
