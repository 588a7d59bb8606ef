# Every command of the workbook; `make help` lists them. Needs python3 (3.11 or newer) with venv, and make:
# GNU make 3.81, which macOS still ships, is enough. The first command sets up .venv; later ones reuse it.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
COLAB := .venv-colab

# TORCH=cpu, cu126, ... takes torch from PyTorch's own index; the choice is remembered in .venv/.torch.
CHOSEN := $(shell cat $(VENV)/.torch 2>/dev/null)
ifeq ($(TORCH),)
TORCH := $(CHOSEN)
endif
TORCH_INDEX := https://download.pytorch.org/whl

# NOTEBOOKS="03 04" selects notebooks for run and refresh; ARGS passes anything else on.
NOTEBOOKS ?=
ARGS ?=

# The caller's Python settings must not reach into .venv (PYTHONPATH given to make itself still does).
ifneq ($(origin PYTHONPATH),command line)
unexport PYTHONPATH
endif
unexport PYTHONHOME PYTHONSAFEPATH VIRTUAL_ENV JUPYTER_PATH PIP_TARGET PIP_USER
export JUPYTER_PREFER_ENV_PATH := 1

# A tree that cannot be written (another user's, a mounted one): what its tests write goes elsewhere.
ELSEWHERE := $(shell test -w . || echo "WORKBOOK_OUTPUT=$$(mktemp -d)")

# What every comparison runs under: the shipped models, on the CPU, offline, nothing inherited.
TINY := env -u WORKBOOK_SEED -u WORKBOOK_DEVICE -u WORKBOOK_LIVE -u WORKBOOK_OUTPUT -u MPLBACKEND \
	$(ELSEWHERE) WORKBOOK_PROFILE=tiny CUDA_VISIBLE_DEVICES= HF_HUB_OFFLINE=1
HUB := env -u WORKBOOK_SEED -u WORKBOOK_LIVE -u WORKBOOK_OUTPUT -u MPLBACKEND WORKBOOK_PROFILE=hub

# Stored outputs are made on Linux x86-64: strict there, elsewhere only the notebooks' own assertions.
STRICT := $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),--nbval,--nbval-lax)
NBVAL_FLAGS := -p tests.guard --nbval-current-env --nbval-cell-timeout=600
# Two processes, each with one thread and with whole files of tests, the long ones (notebooks) first.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder
FAST := not slow and not faults and not hub and not gpu and not browser and not colab

.DEFAULT_GOAL := help
.PHONY: run site lab test check refresh train-text train-images train-judge train-style-judges train-fill bench test-slow \
	test-faults test-accelerator test-gpu test-browser test-colab address setup clean help FORCE

run: $(READY) ## execute every notebook into build/, with build/index.html (NOTEBOOKS="03" ARGS="-p seed 7")
	@$(PY) -m helpers.run $(NOTEBOOKS) $(ARGS)

site: $(READY) ## the same pages from the stored outputs, without running anything, into build/site/
	@$(PY) -m helpers.run --stored --output build/site $(NOTEBOOKS) $(ARGS)

lab: $(READY) ## open JupyterLab on the notebooks
	@$(PY) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks $(ARGS)

test: $(READY) ## unit tests, and every notebook under nbval
	@$(TINY) OMP_NUM_THREADS=1 $(PY) -m pytest $(SPREAD) $(STRICT) $(NBVAL_FLAGS) -m "$(FAST)" notebooks tests $(ARGS)

check: $(READY) ## the fast part: lint, unit tests, notebook hygiene
	@$(PY) -m ruff check .
	@$(TINY) OMP_NUM_THREADS=1 $(PY) -m pytest $(SPREAD) -m "$(FAST) and not long" tests $(ARGS)

refresh: $(READY) ## re-execute the notebooks in place and store their outputs in normal form
	@$(PY) -m tests.refresh $(NOTEBOOKS)

train-text: $(READY) ## train the shipped language model again (resumes; uses a GPU where there is one)
	@$(PY) -m smallworld.making.text $(ARGS)

train-images: $(READY) ## train the shipped image model again (resumes; says how long it takes)
	@$(PY) -m smallworld.making.images $(ARGS)

train-style-judges: $(READY) ## train the judges of fine-tuned pictures again (minutes)
	@$(PY) -m smallworld.making.style_judges $(ARGS)

train-judge: $(READY) ## train the judge of pictures again (minutes)
	@$(PY) -m smallworld.making.picture_judge $(ARGS)

train-fill: $(READY) ## train the masked language model again (resumes; minutes)
	@$(PY) -m smallworld.making.fill $(ARGS)

bench: $(READY) ## measure speed; no other command does
	@$(TINY) $(PY) -m tests.bench $(ARGS)

test-slow: $(READY) ## other seeds, long statistics
	@$(TINY) $(PY) -m pytest -m slow tests $(ARGS)

test-faults: $(READY) ## the hub profile with stand-ins; damaged files, a full disk, no network
	@$(TINY) OMP_NUM_THREADS=1 $(PY) -m pytest -m "faults or hub" tests $(ARGS)

# Strict, as make test: what the notebooks show does not change because there is a GPU that nobody asked for.
test-accelerator: $(READY) ## beside a GPU that only seems to be there, to which no library may move a model
	@$(TINY) OMP_NUM_THREADS=1 $(PY) -m pytest $(SPREAD) $(STRICT) $(NBVAL_FLAGS) -p tests.accelerator_lane \
		-m "$(FAST)" notebooks tests/test_text.py tests/test_tuning_fit.py $(ARGS)

test-gpu: $(READY) ## the notebooks with the hub profile, on a CUDA GPU
	@$(PY) -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() else \
		"make test-gpu needs a CUDA GPU and a torch built for it (make test-gpu TORCH=cu126); torch finds none.")'
	@$(HUB) $(PY) -m pytest --nbval-lax $(NBVAL_FLAGS) -m "gpu or not ($(FAST))" notebooks $(ARGS)

# Colab's own versions, in an environment of their own; torch as tests/colab.txt says.
test-colab: $(READY) $(COLAB)/.ready ## every notebook on Google Colab's versions, installed by its first cell
	@$(TINY) WORKBOOK_COLAB=$(abspath $(COLAB)) $(PY) -m pytest -m colab tests $(ARGS)

address: $(READY) ## set the repository's address everywhere (REPOSITORY=https://github.com/OWNER/NAME BRANCH=main)
	@$(PY) -m tests.address '$(REPOSITORY)' '$(or $(BRANCH),main)'

# One thread: the server, the kernel and the browser share the cores.
test-browser: $(VENV)/.browser ## the notebooks in JupyterLab, driven in Chromium
	@$(TINY) OMP_NUM_THREADS=1 $(PY) -m pytest -m browser tests $(ARGS)

setup: $(READY) ## only set up .venv

clean: ## remove what the commands wrote (build/ with your progress, caches); .venv stays
	rm -rf build .pytest_cache .ruff_cache *.egg-info
	find helpers smallworld tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / {printf "make %-24s %s\n", $$1, $$2}' Makefile

ifneq ($(TORCH),$(CHOSEN))
$(READY): FORCE
endif

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The workbook needs Python \
	3.11 or newer. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { echo "$(PYTHON) cannot \
	make a virtual environment. On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@rm -f $(READY)
ifneq ($(TORCH),)
	$(PY) -m pip install $(if $(filter $(TORCH),$(CHOSEN)),,--force-reinstall) --no-deps -c constraints.txt \
		--index-url $(TORCH_INDEX)/$(TORCH) torch
	@echo $(TORCH) > $(VENV)/.torch
endif
	$(PY) -m pip install -c constraints.txt -e '.[test]'
	@touch $(READY)

$(VENV)/.browser: $(READY)
	$(PY) -m pip install -c constraints.txt -e '.[test,browser]'
	@touch $@

$(COLAB)/.ready: tests/colab.txt constraints.txt $(READY)
	@rm -rf $(COLAB) && $(PY) -m venv $(COLAB)
ifneq ($(TORCH),)
	$(COLAB)/bin/python -m pip install --index-url $(TORCH_INDEX)/$(TORCH) torch==2.11.0 torchvision==0.26.0
endif
	grep '^torch==' constraints.txt > $(COLAB)/torch.txt
	$(COLAB)/bin/python -m pip install -r tests/colab.txt $(if $(TORCH),torch,-r $(COLAB)/torch.txt)
	$(COLAB)/bin/python -m pip download --no-deps --dest $(COLAB)/wheels -c constraints.txt setuptools # pip builds with it
	@touch $@
