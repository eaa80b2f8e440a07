# Each target is one line; `make` alone says what there is.
BIN := cargo run --release --quiet --

.PHONY: help demo serve build cluster test faults chaos model lint screenshots validate lighthouse coverage bench open-page packages

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 18

demo: ## serve made-up data that changes every few seconds, at http://127.0.0.1:8000/
	$(BIN) serve --demo

serve: ## the same against the real API
	$(BIN) serve

build: ## one refresh into public/
	$(BIN) build once

cluster: packages ## two replicas behind nginx with one Redis, on loopback, and what to kill
	cargo build --release --quiet && deploy/cluster target/release/movies-gen

# Several replicas at once want both cores for themselves: they come first.
test: packages ## every test; T=name runs those whose name contains it
	$(if $(T),,cargo test --quiet --test it -- --include-ignored chaos::many::faults::three)
	cargo test -- --include-ignored $(if $(T),$(T),--skip chaos::many::faults)

faults: packages ## the tables of faults, each made to happen, at each system call (10 minutes)
	EACH_CALL=1 cargo test --quiet --test it -- --include-ignored --nocapture faults::

chaos: packages ## each promise under each kind of fault: 10,000 loads each, judged from the records
	CHAOS_LOADS=10000 cargo test --quiet --test it -- --include-ignored --nocapture --test-threads=1 chaos::

model: ## the protocol of replicas, checked in millions of states (minutes, 4 GB)
	MOVIES_GEN_MODEL=large CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --quiet --test it -- --nocapture protocol::laws

lint: ## formatting, clippy (warnings denied), the table of imports, the browser scripts (needs node 20, and the network once)
	cargo fmt --check && cargo clippy --all-targets --quiet -- -D warnings && cargo test --quiet --test it tidy
	.ci/lint-scripts

screenshots: packages ## pictures of list, film, person, dark, phone and print, in target/screenshots
	SCREENSHOTS=target/screenshots cargo test --quiet --test it -- --include-ignored screenshots::

validate: packages ## the Nu HTML checker on every page, a hostile catalogue's included (needs node and the network)
	.ci/packages java=default-jre-headless && .ci/validate

lighthouse: packages ## Lighthouse on the list and on a film (needs node 20 and the network)
	cargo build --release --quiet && .ci/lighthouse

coverage: packages ## coverage by file
	.ci/coverage

bench: packages ## cold start, payload to published, memory, ten replicas; published to shown in a browser, bytes of an event, cost of an update (18 minutes)
	cargo bench --quiet --bench figures --bench live

open-page: packages ## a page that stays open for ten minutes with a change a second: what grows, is said and asked for
	LIVE_MINUTES=10 cargo test --quiet --test it -- --include-ignored --nocapture endurance::

packages: # what the tests need beside a toolchain
	.ci/packages redis-server nginx chromium openssl strace
