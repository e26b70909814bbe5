# make run    the service, with a simulated provider when no credentials are set
#             LISTEN and SIMULATOR say where they answer: make run LISTEN=127.0.0.1:8001 SIMULATOR=127.0.0.1:8101
#             PROVIDER says who is simulated: make run PROVIDER=twilio
# make test   format, lint, types, tests
# make bench  the benches, short forms; python -m bench <name> for one in full
# make screenshots  docs/screenshots, drawn anew from a demo made for it; needs Chromium
# Each makes the virtual environment and install what is missing; nothing outside this directory is touched.

SHELL := /bin/sh
PYTHON ?= python3
LISTEN ?= 127.0.0.1:8000
SIMULATOR ?=
PROVIDER ?=
VENV := .venv

.PHONY: run test types tests bench screenshots
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	@$(VENV)/bin/python -m receiver.quickstart --listen '$(LISTEN)' $(if $(SIMULATOR),--simulator '$(SIMULATOR)') $(if $(PROVIDER),--provider '$(PROVIDER)')

test: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 types tests

types:
	$(VENV)/bin/mypy

# In memory where there is room: most of the time of a commit goes into waiting for a disk, and no test turns the power off.
# Servers that tests start as another user have to get in.
tests:
	@room=$$(mktemp -d -p "$$($(memory_or_disk))"); chmod 711 "$$room"; trap 'rm -rf "$$room"' EXIT; trap 'exit 130' INT TERM; \
	echo "$(VENV)/bin/pytest -n 4 --dist worksteal"; TMPDIR=$$room $(VENV)/bin/pytest -n 4 --dist worksteal

bench: $(VENV)/.installed-dev
	@names=$$($(VENV)/bin/python -m bench) || exit 1; failed=0; \
	for name in $$(printf '%s\n' "$$names" | cut -d ' ' -f 1); do \
		$(VENV)/bin/python -m bench $$name --quick || failed=1; done; exit $$failed

screenshots: $(VENV)/.installed-dev
	@$(VENV)/bin/python tests/screenshots.py

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(make_venv)
	@$(call install,requirements.txt,-r requirements.txt)
	@$(call install,the receiver command,--no-deps -e .)
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt pyproject.toml
	@$(make_venv)
	@$(call install,requirements-dev.txt,-r requirements-dev.txt)
	@$(call install,the receiver command,--no-deps -e .)
	@touch $(VENV)/.installed $@

define memory_or_disk
{ [ -w /dev/shm ] && df -Pk /dev/shm | awk 'END { exit ($$4 < 4000000) }'; } 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}"
endef

# A checkout that was moved, or a system Python that was replaced, leaves an environment that cannot start:
# such a one is made anew.
define make_venv
if ! $(VENV)/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' does not run: install it, or name another with make PYTHON=/path/to/python3." >&2; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is $$version: install a newer one, or name it with make PYTHON=/path/to/python3." >&2; exit 1; }; \
	$(PYTHON) -c 'import venv, ensurepip' >/dev/null 2>&1 || { \
		echo "Python $$version lacks its venv module: install it (on Debian and Ubuntu: apt install python$$version-venv)." >&2; exit 1; }; \
	echo "Making $(VENV) with Python $$version"; \
	problem=$$($(PYTHON) -m venv --clear $(VENV) 2>&1) || { \
		rm -rf $(VENV); \
		echo "Could not make the virtual environment $(VENV): $$(printf '%s\n' "$$problem" | tail -n 1)" >&2; exit 1; }; \
fi
endef

# $(1) is what is installed, $(2) says so to pip. Quiet, with a dot every two seconds; on failure what pip ended
# with, and where the rest is.
define install
printf 'Installing %s ' '$(1)'; \
$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
	$(2) >$(VENV)/pip.log 2>&1 & pid=$$!; \
trap 'kill $$pid 2>/dev/null; echo; exit 130' INT TERM; \
ticks=0; while kill -0 $$pid 2>/dev/null; do \
	sleep 0.2; ticks=$$((ticks + 1)); [ $$((ticks % 10)) -ne 0 ] || printf .; done; \
if wait $$pid; then echo ' done'; else \
	echo; \
	if grep -qiE 'NewConnectionError|NameResolution|Temporary failure|ConnectTimeout|timed out|unreachable|Connection refused|ProxyError|SSLError' $(VENV)/pip.log; \
	then echo "Could not install $(1): the package index cannot be reached; check the network or proxy and run make again (details: $(VENV)/pip.log)." >&2; \
	else echo "Could not install $(1): $$(sed -n 's/^ERROR: //p' $(VENV)/pip.log | tail -n 1) (details: $(VENV)/pip.log)." >&2; fi; \
	exit 1; fi
endef
