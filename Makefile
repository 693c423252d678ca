# make demo and make test set everything up first; a second run skips the set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BENCHMARKS := control_rate fault_injection hot_swap train_step inference inference_worker chunk_join sampler_quality finetune_quality
.PHONY: help setup demo test lint bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo "  after '. env.sh': drift --help, drift doctor"

setup: ## install packages into .venv and build the workspace
	@bash setup/install.sh

demo: setup ## learn from corrections in simulation, headless (ARGS="--control" adds the control run)
	@. ./env.sh && drift demo $(ARGS)

test: setup lint ## run the linters and the whole test suite (ARGS="-k gate" selects)
	@. ./env.sh && python -m pytest $(ARGS)

lint: setup ## ruff and mypy
	@. ./env.sh && ruff check . && ruff format --check . && mypy

bench: setup ## every benchmark in its quick form
	@. ./env.sh && for b in $(BENCHMARKS); do python benchmarks/$$b.py --quick || exit 1; done

clean: ## remove what the set-up and the runs made
	rm -rf .venv build install log runs
