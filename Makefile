# Two commands matter: `make demo` shows Kingbird at work, `make test` tests it.
# Both do all the set-up that they need, into .venv and .minicloud.

# The distribution's Python is the one that services run on.  It is optimized by a profile, so it is
# a tenth faster than most that were compiled without one.  PYTHON=python3 takes another one.
ifndef PYTHON
PYTHON := $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
    2>/dev/null && echo /usr/bin/python3 || echo python3)
endif
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)/tools
# Programs that the tests start would compile every module anew otherwise: seconds each.
export PYTHONDONTWRITEBYTECODE :=
MINICLOUD := $(PYTHON) -m minicloud

.PHONY: examples help venv cloud demo up down dashboard horizon dashboard-unit dashboard-test test test-more lint docs unit unit-threading unit-eventlet unit-thorough mutate functional functional-core functional-tables functional-more functional-guides tempest chaos fuzz bench samples clean

help:
	@echo "make demo        start a cloud, sync six images, show what happened, stop it"
	@echo "make up          start a cloud and Kingbird, and leave them running"
	@echo "make dashboard   the same with Horizon, and tell where to look at it"
	@echo "make down        stop them"
	@echo "make test        what a change has to pass: lint, documentation, tests, Tempest"
	@echo "make test-more   the rest: everything on eventlet, chaos, fuzz, guides, packages"
	@echo "make unit        unit and API tests alone: no network"
	@echo "make mutate      break the code and report what unit tests miss: MINUTES=10 SEED=1"
	@echo "make functional  tests on a real Keystone, real Glances, brokers and databases"
	@echo "make tempest     run the real Tempest with the plugin's tests"
	@echo "make dashboard-test  test the pages of Horizon, with a browser too"
	@echo "make chaos       throw faults into jobs: ROUNDS=10 SEED=1 DATABASE=PostgreSQL"
	@echo "make fuzz        send requests made up by a program: MINUTES=10 SEED=1"
	@echo "make bench       measure, as ratios in one run, and write benchmarks/RESULTS.md"
	@echo "make samples     generate etc/kingbird/ and api-ref/openapi.yaml"
	@echo "make examples    record the API's examples anew, and generate samples"

venv: .venv/ready

.venv/ready: requirements.txt test-requirements.txt doc/requirements.txt setup.cfg setup.py pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet "uv>=0.5"
	$(BIN)/uv pip install --quiet --python $(BIN)/python \
	    -r test-requirements.txt -r doc/requirements.txt -e .
	@touch $@

cloud:
	$(MINICLOUD) install

demo: venv cloud
	$(BIN)/python -m demo

up: venv cloud
	$(BIN)/python -m demo up

# The three environments are made at the same time.
dashboard:
	$(MAKE) --jobs=3 --output-sync=target venv cloud horizon
	$(BIN)/python -m dashboard_run up

horizon:
	$(PYTHON) -m dashboard_run install

down:
	$(PYTHON) -m dashboard_run down
	$(PYTHON) -m demo down

# Parts run beside each other, as they wait as long as they work.  The cloud is there already.
# A part that fails ends no other one, so that one run tells of all that is wrong.
test: venv cloud .venv/debian/ready
	$(MAKE) --keep-going --jobs=3 --output-sync=target --old-file=cloud functional-core lint docs unit-threading unit-eventlet tempest \
	    functional-tables

test-more: venv cloud .venv/debian/ready
	$(MAKE) --keep-going --jobs=3 --output-sync=target --old-file=cloud functional-more unit-thorough dashboard-test

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy kingbird tools benchmarks
	$(BIN)/mypy tempest_plugin/kingbird_tempest_plugin
	$(BIN)/mypy horizon_plugin/kingbird_dashboard
	PYTHONPATH=.:horizon_plugin $(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml kingbird
	$(BIN)/shellcheck --external-sources devstack/plugin.sh devstack/settings kingbird/tests/devstack/*.sh
	$(BIN)/doc8 README.rst CONTRIBUTING.rst HACKING.rst doc/source api-ref/source releasenotes tools/minicloud/README.rst tools/standin/README.rst \
	    devstack/README.rst tempest_plugin/README.rst horizon_plugin/README.rst
	$(BIN)/reno --quiet lint

docs: venv
	$(BIN)/sphinx-build -W --keep-going -q -b html doc/source doc/build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html api-ref/source api-ref/build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html releasenotes/source releasenotes/build/html

# promtool checks the alert rules, and nginx is the proxy of the installation guide.  Debian has
# both; they are not installed, but laid beside the virtual environment's programs.  Where apt
# can't be asked, tests do with less and say so.
.venv/debian/ready: | venv
	-mkdir -p .venv/debian && cd .venv/debian && \
	    apt-get --quiet --quiet download prometheus nginx && \
	    for package in *.deb; do dpkg-deb --extract $$package . || exit; done && \
	    rm *.deb && touch ready

unit: venv .venv/debian/ready
	$(MAKE) --jobs=2 --output-sync=target unit-threading unit-eventlet

# Files go to two processes.
unit-threading: venv
	$(BIN)/pytest --numprocesses=2 --dist=loadfile kingbird/tests/unit kingbird/tests/api

# Tests of the code that has threads or waits for something; pytest-xdist's processes have
# threads of their own, which eventlet can't patch any more.
THREADED := $(addprefix kingbird/tests/unit/,engine listener rpc notifications tracing clients sync/listing \
    sync/test_retry.py db/test_connection.py db/test_leases.py test_background_queue.py \
    test_concurrency.py test_cached_check.py)

unit-eventlet: venv
	KINGBIRD_CONCURRENCY_BACKEND=eventlet $(BIN)/pytest $(THREADED)

# What no program on eventlet loads: tools, documentation, the command line plugin.
CLIENT_SIDE := $(addprefix kingbird/tests/unit/,tools guide osc)

# Properties with sixteen times as many examples, and on the second backend what unit-eventlet
# leaves out.
unit-thorough: venv
	$(BIN)/pytest $(SHARED_OUT) --hypothesis-profile=thorough \
	    $$(grep -rlE "^(from|import) hypothesis" --include=test_*.py kingbird/tests/unit kingbird/tests/api)
	KINGBIRD_CONCURRENCY_BACKEND=eventlet $(BIN)/pytest kingbird/tests/unit kingbird/tests/api \
	    $(addprefix --ignore=,$(THREADED) $(CLIENT_SIDE))

# ONLY is a pattern of files, JOBS the number of trials at the same time.
mutate: venv
	nice $(BIN)/python -m mutate --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) \
	    $(if $(ONLY),--only "$(ONLY)") $(if $(JOBS),--jobs $(JOBS))

# These take long for what they find: faults, odd regions, made-up requests, load.
FAULTS := $(addprefix kingbird/tests/functional/,chaos fuzz odd_regions test_load.py)
# These bring all that they need, or are about running processes rather than about jobs.
GUIDES := $(addprefix kingbird/tests/functional/,test_install_guide.py test_user_guide.py \
    $(addsuffix .py,$(addprefix test_,packaging upgrades devstack demo osc start_order reports \
    reload systemd tls_proxy tracing metrics stopped_transaction silent_database backends \
    rotation state_engines undo)))
MORE := $(FAULTS) $(GUIDES)
# Each of the two processes starts a cloud, and runs whole files: their tests share scenes.
SHARED_OUT := --numprocesses=2 --dist=loadfile

functional: venv cloud .venv/debian/ready
	$(MAKE) --old-file=cloud functional-core functional-tables functional-more

functional-core: venv cloud
	$(BIN)/pytest --durations=25 $(SHARED_OUT) kingbird/tests/functional $(addprefix --ignore=,$(MORE))

# The tests of tables, which unit-threading runs on SQLite.
functional-tables: venv
	$(BIN)/pytest $(SHARED_OUT) --databases=MariaDB,PostgreSQL kingbird/tests/unit/db

functional-more: venv cloud .venv/debian/ready
	$(BIN)/pytest --durations=25 $(SHARED_OUT) $(MORE)

# The quicker half of functional-more.
functional-guides: venv cloud .venv/debian/ready
	$(BIN)/pytest --durations=25 $(SHARED_OUT) $(GUIDES)

tempest: venv cloud
	$(BIN)/python -m tempest_run

# The unit tests of the pages, with the newest Horizon and the oldest that is supported.
dashboard-unit: venv
	$(BIN)/python -m dashboard_run unit
	$(BIN)/python -m dashboard_run unit --release oldest

# The pages as people use them: a real Horizon, Keystone, Glance and Chromium.
dashboard-test: venv cloud dashboard-unit
	$(BIN)/python -m dashboard_run test

# Each fault is thrown once by `make test-more` too.  FAULT is the name of one of them.
chaos: venv cloud
	$(BIN)/python -m kingbird.tests.functional.chaos --rounds $(or $(ROUNDS),1) \
	    $(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--database $(DATABASE)) \
	    $(if $(BACKEND),--backend $(BACKEND)) $(if $(FAULT),--only "$(FAULT)")
	$(BIN)/pytest --quiet $(wildcard kingbird/tests/functional/chaos/test_import*.py) \
	    kingbird/tests/functional/chaos/test_orphans.py \
	    kingbird/tests/functional/chaos/test_long_outages.py

# A shorter run is part of `make test-more`.
fuzz: venv cloud
	KINGBIRD_FUZZ_MINUTES=$(or $(MINUTES),10) KINGBIRD_FUZZ_SEED=$(SEED) \
	    $(BIN)/pytest -s kingbird/tests/functional/fuzz

bench: venv cloud
	$(BIN)/python -m benchmarks

samples: venv
	$(BIN)/oslo-config-generator --config-file etc/kingbird-config-generator.conf
	$(BIN)/oslopolicy-sample-generator --config-file etc/kingbird-policy-generator.conf
	$(BIN)/kingbird-manage --config-file /dev/null api-spec \
	    --examples api-ref/examples --output api-ref/openapi.yaml
	$(BIN)/python -m dashboard_run policies

# Record the application's answers, which the documentation shows.
examples: venv
	KINGBIRD_WRITE_EXAMPLES=1 $(BIN)/pytest -q kingbird/tests/api/test_examples.py
	$(MAKE) samples

clean: down
	rm -rf .venv .minicloud .run doc/build api-ref/build releasenotes/build
