# Two commands do everything on a fresh Debian machine with Swift, git, make and python3: `make train` and `make test`.
ENV    ?= LunarLander-v3
PRESET ?= default
SEED   ?= 0
STEPS  ?=
OUT    ?=
THREADS ?=

SWIFT_FLAGS = -c release --explicit-target-dependency-import-check error
PACKAGES = libopenblas-dev libbox2d-dev libcairo2-dev ffmpeg python3-venv librsvg2-bin fonts-dejavu-core
ARRAYS = numpy==2.4.6 safetensors==0.8.0
PYTHON_PACKAGES = $(ARRAYS) tensorboard==2.21.0 setuptools==80.9.0
EXPORTER_PACKAGES = $(ARRAYS) torch==2.13.0 onnx==1.23.2 onnxruntime==1.32.0
TUNE_PACKAGES = optuna==5.0.0 cmaes==0.13.1 "psycopg[binary]==3.3.9"
GYMNASIUM_PACKAGES = "gymnasium[box2d]==1.4.0" highway-env==1.12.1 ale-py==0.12.1

STUDY = .build/release/mamba-dqn study

.PHONY: train tune reproduce test docs build format lint dependencies gymnasium python exporters clean

train: build
	.build/release/mamba-dqn train $(ENV) --preset $(PRESET) --seed $(SEED) $(if $(STEPS),--steps $(STEPS)) $(if $(THREADS),--set threads=$(THREADS)) $(if $(OUT),--out $(OUT))

# Better settings, by Optuna. The same command goes on where it was stopped; `scripts/tune.py --help` has more.
TRIALS ?= 40
tune: build .venv/tune
	.venv/bin/python scripts/tune.py $(ENV) --preset $(PRESET) --max-total-trials $(TRIALS) $(if $(STEPS),--steps $(STEPS)) $(if $(OUT),--out $(OUT))

# The whole published study. Interrupt it whenever you like: the same command goes on where it stopped.
reproduce: build
	@$(STUDY) status paper-highway | tail -n 1
	@$(STUDY) status paper-lunarlander | tail -n 1
	$(STUDY) run paper-highway
	$(STUDY) run paper-lunarlander
	.build/release/mamba-dqn report runs/paper-highway runs/paper-lunarlander --out results/report

# A browser for the tests of pages, which nothing else needs.
test: PACKAGES += chromium-headless-shell
test: build lint gymnasium python exporters
	swift build $(SWIFT_FLAGS) --build-tests
	scripts/docs.sh --check
	swift test $(SWIFT_FLAGS) --skip-build

# A DocC site of the library, in .build/docs.
docs: build
	scripts/docs.sh .build/docs

build: dependencies
	swift build $(SWIFT_FLAGS) --product mamba-dqn

# The system's C libraries. Only what is missing is installed, and only root can.
dependencies:
	@missing=; for package in $(PACKAGES); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
	  else echo "error: please install, as root: apt-get install$$missing" >&2; exit 1; fi; \
	fi

# Python packages into .venv, and a file that says so.
define packages
	test -x .venv/bin/python3 || python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check $(1)
	touch $@
endef

# For environments named gymnasium:ID, in .venv, which the program finds by itself.
gymnasium: dependencies .venv/gymnasium
.venv/gymnasium: Makefile
	$(call packages,$(GYMNASIUM_PACKAGES))

# For `make tune` alone.
.venv/tune: Makefile | dependencies
	$(call packages,$(TUNE_PACKAGES))

# Real readers for the files that we write: tests hold ours against them.
python: .venv/python
.venv/python: Makefile
	$(call packages,$(PYTHON_PACKAGES))

# What `export --to onnx` needs, and the tests of what `export` writes. Apart, because torch is larger than all else together.
exporters: .venv/exporters
.venv/exporters: Makefile
	$(call packages,$(EXPORTER_PACKAGES))

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Examples
lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Examples

clean:
	rm -rf .build
