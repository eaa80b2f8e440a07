# Each target runs one command line. `make` without a target lists the targets.
BIN := cargo run --release --

.PHONY: dist test-dist help demo serve build cluster test test-long faults chaos fuzz model simulate lint screenshots validate lighthouse coverage bench bench-build bench-mapping bench-serve bench-then open-page packages

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 18

# The demo needs no optimized program. Without optimization, the first page comes in half the time,
# and `make test` has compiled crates already.
demo: ## serve made-up data that changes every few seconds, at http://127.0.0.1:8000/
	cargo run -- serve --demo

serve: ## serve the data of the real API at http://127.0.0.1:8000/
	$(BIN) serve

build: ## refresh the site in public/ once
	$(BIN) build once

cluster: packages ## start two replicas behind nginx with one Redis, on loopback, and print what to kill
	cargo build --release && deploy/cluster target/release/movies-gen

# `make test` leaves these to `make test-long`: searches of all states, records of page loads under
# each kind of fault, programs that are killed or stopped at many moments, hundreds of publishes, lists
# of a thousand films, films with thousands of people, archives of 10,000 and 100,000 films, clients that
# read slowly, and open pages in front of several replicas.
LONG := archive:: chaos::broken chaos::caches chaos::faults chaos::proxy_cache \
	events::crowd faults::owner faults::sizes faults::windows http::slow large_records:: \
	http2::limits::streams http2::restarts live_pages::endurance live_pages::long live_pages::replicas national:: \
	nginx::nginx_answers_whole_pages pipeline::large protocol::laws \
	relay::bucket::a_failure_at_any relay::then::no_path_is_forgotten_in_a_thousand \
	sudden_death:: upgrading::a_change_of_one_film

# `make chaos` alone runs the failovers of sentinels and of a cluster under load: they need an idle
# machine and an optimized program, which renders a page before its time is over.

# Tests make thousands of sites. In memory, no test waits until the disk has the files of the others.
# `make test-long` and `make faults` use the disk.
IN_MEMORY = $(shell findmnt -n -t tmpfs -o OPTIONS /dev/shm | grep -qvw noexec \
	&& test $$(df --output=avail -m /dev/shm | tail -1) -ge 4000 && echo /dev/shm)

# Tests wait for most of their time, so more of them run at once than there are cores.
test: export TMPDIR ?= $(or $(if $(T),,$(IN_MEMORY)),/tmp)
test: packages ## run the tests that take seconds; T=name runs all tests whose name contains it
	cargo test -- --include-ignored $(if $(T),$(T),--test-threads 4 $(LONG:%=--skip %) --skip chaos::many::faults --skip chaos::many::failover --skip dist::)

# The records of page loads need both cores for themselves, so they run first, one after the other.
test-long: packages ## run the tests that `make test` leaves out
	cargo test --test it -- --include-ignored --test-threads 1 chaos::many::faults::three $(filter chaos::%,$(LONG))
	cargo test --test it -- --include-ignored national::
	cargo test --test it -- --include-ignored $(filter-out chaos::% national::,$(LONG))

dist: ## build the release in target/dist: binary, tarball, .deb, OCI image, list of components, checksums
	.ci/dist

test-dist: ## install and use each artefact of `make dist` (needs root)
	.ci/packages debootstrap skopeo unshare=util-linux nginx
	cargo test --test it -- --include-ignored dist::

faults: packages ## make every kind of failure happen, at each system call, and print the tables (10 minutes)
	EACH_CALL=1 cargo test --quiet --test it -- --include-ignored --nocapture faults::

chaos: packages ## judge each promise under each kind of fault from the records of 10,000 page loads each
	CHAOS_LOADS=10000 cargo test --quiet --test it -- --include-ignored --nocapture --test-threads=1 --skip failover chaos::
	CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --quiet --test it -- --include-ignored --nocapture --test-threads=1 chaos::many::failover

fuzz: ## let 100,000 mappings meet hostile records (5 minutes)
	PROPTEST_CASES=100000 CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --quiet --test it -- --nocapture mapping::hostile

model: ## check the protocol between replicas in millions of states (minutes, 4 GB)
	MOVIES_GEN_MODEL=large CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test --quiet --test it -- --nocapture protocol::laws

simulate: packages ## simulate 10 to 1,000 replicas that share a Redis, and compare 3 and 10 with real ones (10 minutes)
	MOVIES_GEN_SIMULATION=large cargo test --quiet --test it -- --include-ignored --nocapture --test-threads=1 simulation::

lint: ## check formatting, clippy (warnings are errors), imports, browser scripts and crates (needs node 20, and the network once)
	cargo fmt --check && cargo clippy --all-targets --quiet -- -D warnings && cargo test --quiet --test it tidy
	.ci/lint-scripts && .ci/supply-chain

screenshots: packages ## take pictures of list, film, person, dark, phone and print, in target/screenshots
	SCREENSHOTS=target/screenshots cargo test --quiet --test it -- --include-ignored screenshots::

validate: packages ## run the Nu HTML checker on every page, also of a hostile catalogue (needs node and the network)
	.ci/packages java=default-jre-headless && .ci/validate

lighthouse: packages ## run Lighthouse on the list and on a film (needs node 20 and the network)
	cargo build --release && .ci/lighthouse

coverage: packages ## print test coverage by file
	.ci/coverage

bench: packages ## measure cold start, publish, memory, ten replicas, delay and cost of updates in a browser (18 minutes)
	cargo bench --quiet --bench figures --bench live

bench-build: ## measure builds of 1,000 and 10,000 films, on disk and in memory, beside Hugo (8 minutes); N=100000 for one size
	-@.ci/packages hugo
	cargo bench --quiet --bench build -- $(N)

bench-mapping: ## measure what the mapping costs in the decode of 100,000 films (1 minute)
	cargo bench --quiet --bench mapping

bench-then: ## measure the time from a publish of 400,000 files until --then has its paths (6 minutes)
	cargo bench --quiet --bench then

bench-serve: packages ## measure requests per second beside nginx and static-web-server, and with an access log (17 minutes)
	.ci/packages wrk
	-@test -x target/tools/bin/static-web-server || cargo install --quiet --locked --root target/tools static-web-server
	cargo bench --quiet --bench serve

open-page: packages ## keep a page open for ten minutes with a change each second, and print what grows
	LIVE_MINUTES=10 cargo test --quiet --test it -- --include-ignored --nocapture endurance::

packages: # install the programs that the tests need beside the toolchain
	.ci/packages redis-server nginx caddy haproxy varnishd=varnish curl goaccess chromium openssl \
	    strace systemd-analyze=systemd promtool=prometheus
	@# Debian has a small Chromium without windows. Tests are slower without this program.
	-@.ci/packages chromium-headless-shell
	@# Without PyPI, the external checkers of HTTP are left out.
	-@.ci/python-tools
