# make demo: install, render rooms, train on them, report.   make test: install, run the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORK := work_dirs/hydranet_synthrooms
STAMP := $(VENV)/.installed

.PHONY: install demo test lint docs benchmark clean

install: $(STAMP)

$(STAMP): setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the package and its requirements; PyTorch with CUDA is a download of about 6 GB."
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/python tools/prepare_dataset.py synthrooms
	$(BIN)/python tools/train.py configs/hydranet_synthrooms.py --work-dir $(WORK) --overwrite
	$(BIN)/python tools/test.py configs/hydranet_synthrooms.py $$(cat $(WORK)/last_checkpoint) --work-dir $(WORK)/test \
	    --show-dir $(WORK)/pictures --out $(WORK)/metrics.json --baselines
	@echo "Pictures: $(WORK)/pictures   curves: $(WORK)/curves.png   metrics: $(WORK)/metrics.json"

test: $(STAMP)
	$(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

benchmark: $(STAMP)
	$(BIN)/python tools/benchmark.py configs/hydranet_synthrooms.py --what training

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
