# Both promises of the README, and what a developer needs every day. Results go
# to build/; nothing else in the tree is written.

.PHONY: help build demo test test-appliance bench deb clean

help:
	@echo 'make build   homeagentd, homeagentctl and homeagent-lab, in build/'
	@echo 'make demo    the main job for real, each step shown: kernel, strongSwan, Diameter'
	@echo 'make test    every test that continuous integration runs'
	@echo 'make test-appliance   the way of an operator, from apt install to purge'
	@echo 'make bench   what it costs, beside the bare limits of its parts'
	@echo 'make deb     Debian packages, in build/deb'
	@echo 'make clean   remove build/'

build:
	@mkdir -p build
	go build -trimpath -o build/ ./...

demo:
	@.ci/setup demo
	@$(MAKE) --no-print-directory build
	@.ci/uml build/homeagent-lab demo --binaries build

test:
	@.ci/setup
	@.ci/test

test-appliance:
	@.ci/setup packages
	@.ci/appliance

bench:
	@.ci/setup
	@.ci/bench

deb:
	@.ci/setup packages
	@.ci/deb

clean:
	rm -rf build
