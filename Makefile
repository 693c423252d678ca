# Every target sets up first what it needs; a second run skips that. ROS=jazzy or kilted chooses the distribution.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BENCHMARKS := control_rate distribution real_arm hot_swap train_step inference inference_worker chunk_join rollouts sampler_quality policies experts console diagnostics finetune_quality crash_safety
SHORT := $(addprefix src/,drift_ros/test/test_run.py drift_ros/test/test_publisher_names.py drift_ros/test/test_stack_client.py \
  expert_gate_node/test/test_node.py drift_policy_node/test/test_node.py drift/test/test_doctor.py drift/test/test_env.py)
.PHONY: help setup test-setup opening demo test short lint bench acceptance gazebo-smoke interop clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo "  with ROS=jazzy, also before '. env.sh': the same on ROS 2 Jazzy, beside the first"
	@echo "  after '. env.sh': drift --help, drift doctor"

setup: ## install packages into .venv and build the workspace
	@bash setup/install.sh

test-setup: # and what tests, linters and benchmarks need besides
	@bash setup/install.sh test

opening:
	@echo "make demo: the set-up (minutes the first time, then seconds), and a run of about 10 minutes on two idle cores."
	@echo "Ctrl-C at any time: what is set up stays, and the run says what of it was kept."

demo: opening setup ## learn from corrections in simulation, headless (ARGS="--control" adds the control run)
	@. ./env.sh && drift demo $(ARGS)

test: lint ## run the linters and the whole test suite, then a short one on Jazzy (ARGS="-k gate" selects)
	@. ./env.sh && python -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope $(ARGS)
	@$(if $(ROS)$(ARGS),,$(MAKE) --no-print-directory short ROS=jazzy)

short: # the tests of what another distribution does in another way
	@bash setup/install.sh short
	@. ./env.sh && python -m pytest $(SHORT)

lint: test-setup ## ruff and mypy
	@. ./env.sh && ruff check . && ruff format --check . && mypy

bench: test-setup ## every benchmark in its quick form
	@. ./env.sh && for b in $(BENCHMARKS); do python -m benchmarks.$$b --quick || exit 1; done

acceptance: test-setup ## break the running stack in every way, then random inputs at length (a quarter of an hour)
	@. ./env.sh && python -m acceptance.fault_injection && python -m acceptance.real_arm && python -m acceptance.fuzz --ticks 1000000

gazebo-smoke: ## run the stack in an installed Gazebo and say what works (ARGS="--robot ur3e --task insert")
	@. ./env.sh && python -m acceptance.gazebo_smoke $(ARGS)

interop: test-setup ## let LeRobot read and train on what is exported for it, and train on what it writes (five gigabytes more)
	@. ./env.sh && python -m acceptance.lerobot

clean: ## remove what the set-up and the runs made
	rm -rf .venv .venv-* build build-* install install-* log runs
