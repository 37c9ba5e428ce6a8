PYTHON ?= python3

.PHONY: help demo test lint format docs bench proof mutants build lock clean
help: ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
demo: ## Run Airflow with single sign-on and demo users
	@$(PYTHON) scripts/demo.py
test: ## Check everything, as CI does
	@$(PYTHON) scripts/test.py
lint: ## Lint, types, import contracts
	@$(PYTHON) scripts/test.py --only lint --only types --only imports
format: ## Format the code
	@.venv-dev/bin/ruff format . && .venv-dev/bin/ruff check --fix .
docs: ## Write the generated reference pages, then build the documentation into site/
	@scripts/reference .venv-dev/bin/python && .venv-dev/bin/mkdocs build --strict
bench: ## Compare with Airflow's other auth managers, the short way
	@.venv-dev/bin/python -m benchmarks --quick
proof: ## Attack, break, flood and fuzz, and measure what becomes of people (needs PostgreSQL, nginx and git; an hour)
	@.venv-dev/bin/python -m benchmarks.faults && .venv-dev/bin/python -m benchmarks.many_sessions && .venv-dev/bin/python -m benchmarks.audit_verify
	@.venv-dev/bin/python -m benchmarks.storm && .venv-dev/bin/python -m benchmarks.flood
	@.venv-dev/bin/python -m benchmarks.flood --manager FAB-mode --database postgresql --packets 4000
	@.venv-dev/bin/python -m benchmarks.faults_of_sqlite
	@.venv-dev/bin/python -m benchmarks.imports && .venv-dev/bin/python -m benchmarks.two_versions
	@OIDC_AUTH_PROOF=1 .venv-dev/bin/python -m pytest -q tests/storage/test_migrations_of_releases.py tests/storage/test_audit_chain.py tests/e2e/test_demo.py
	@.venv-dev/bin/python -m tests.fuzz all --seconds 60 && .venv-dev/bin/python -m pytest -q -n 0 tests/leaks/whole.py
mutants: ## Write small mistakes into the policy's decisions, and name those that no test notices (hours)
	@.venv-dev/bin/python -m tests.mutation
build: ## Build wheel, sdist, bill of materials and checksums of the last commit into dist/
	@scripts/build
lock: ## Take the newest releases into requirements/*.txt
	@scripts/lock --upgrade
clean: ## Remove everything that demo and test made
	@rm -rf .demo .venv .venv-dev .venv-3.3.0 .venv*.lock .cache site dist tests/real_idp/node_modules
