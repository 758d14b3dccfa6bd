# `make test` and `make demo` each work alone on a fresh machine with python3 (3.10 or newer), pip, venv and a C compiler.
PYTHON ?= python3
VENV ?= .venv
OUT ?= demo
BIN := $(VENV)/bin

.PHONY: demo test lint clean
.DEFAULT_GOAL := test

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("p3m-anon needs Python 3.10 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -c 'import cv2' || $(MAKE) --no-print-directory headless-opencv
	touch $@

# A machine without a desktop may lack libGL or glib, which the usual OpenCV wheel loads; there is one without windows.
.PHONY: headless-opencv
headless-opencv:
	$(BIN)/python -m pip uninstall --yes opencv-python
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt --no-deps opencv-python-headless
	$(BIN)/python -c 'import cv2'

demo: $(VENV)/.installed
	$(BIN)/p3m-anon demo $(OUT)

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info
