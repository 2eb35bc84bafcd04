# Every target works in a fresh clone; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

GOARCH ?= arm64
DIST ?= dist
POLICIES ?=
PROVIDER ?= sdk
ASSEMBLY ?= cdk.out
# What cdk deploy asks about before it does it: broadening, any-change, never.
APPROVAL ?= broadening
# Settings over the block stack of POLICIES/sgwarden.yaml, as 'email=you@example.com
# mode=enforce': docs/reference/settings.md has them all.
CONTEXT ?=
# The AWS profile, and the regions one after the other; empty: those of the
# environment.
PROFILE ?=
REGIONS ?=
# More flags for cdk deploy, diff and destroy.
FLAGS ?=
CONTEXTFLAGS = $(foreach setting,dist=$(DIST) $(addprefix policies=,$(POLICIES)) $(CONTEXT),-c '$(setting)')
# How the last command of a run of tests ended, for testtally: a failed run is
# counted, and the runs after it still happen.
EXIT = && s=0 || s=$$?; echo "{\"Action\":\"exit\",\"Status\":$$s}"
# Tools that run here are built for here, whatever GOARCH the functions get.
HOST_GO := env -u GOARCH -u GOOS go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# How every function is built, those that guard is compared with too.
BUILD_FUNCTION = GOOS=linux GOARCH=$(GOARCH) CGO_ENABLED=0 go build -buildvcs=false -tags lambda.norpc -trimpath -ldflags '$(LDFLAGS)'

STATES ?= 1000000
SEED ?= 1

MOTO := 5.2.1
AWSCLI := 1.45.11
CFNLINT := 1.51.0
GOLANGCI := v2.5.0

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## watch violations being taken back on an embedded account (needs Go alone)
	@$(HOST_GO) run ./cmd/sgwarden demo

.PHONY: test
test: emulator node_modules ## run every test, end to end included; the last line counts them
	@{ $(HOST_GO) test -json -timeout 45m ./... $(EXIT); $(HOST_GO) test -C bench -json ./... $(EXIT); $(HOST_GO) test -json -count=1 -tags e2e -timeout 60m ./e2e/... $(EXIT); } | $(HOST_GO) run ./internal/testtally

.PHONY: unit
unit: ## run the tests that need Go alone
	@{ $(HOST_GO) list ./... | grep -v /infra | xargs $(HOST_GO) test -json -timeout 45m $(EXIT); } | $(HOST_GO) run ./internal/testtally

.PHONY: corpus
corpus: ## play the corpus of evasions and look-alikes (corpus/README.md), then without each defence of guard
	@{ $(HOST_GO) test -json -count=1 ./internal/corpus $(EXIT); } | $(HOST_GO) run ./internal/testtally

.PHONY: e2e
e2e: emulator node_modules ## drive the built guard against an emulator with the aws CLI [SCENARIO='name name'] [PROVIDER=sdk|stack]
	@{ SCENARIO='$(SCENARIO)' PROVIDER='$(PROVIDER)' E2E_SHOW=1 $(HOST_GO) test -json -count=1 -tags e2e -timeout 60m ./e2e/... $(EXIT); } | $(HOST_GO) run ./internal/testtally

.PHONY: e2e-deploy
e2e-deploy: emulator node_modules ## bootstrap, deploy, update and destroy with the CDK against an emulator, with the canary's whole patience, and the hub; prints seconds
	@{ SCENARIO='deployed hub' E2E_SHOW=1 E2E_WHOLE=yes $(HOST_GO) test -json -count=1 -tags e2e -timeout 60m ./e2e/... $(EXIT); } | $(HOST_GO) run ./internal/testtally

.PHONY: build
build: ## build DIST/<function>/bootstrap with the compiled policies [GOARCH=arm64] [DIST=dist] [POLICIES=dir]
	@for name in $$(ls functions); do mkdir -p '$(DIST)'/$$name; \
	  $(BUILD_FUNCTION) -o '$(DIST)'/$$name/bootstrap ./functions/$$name; \
	  digest=$$($(HOST_GO) run ./cmd/sgwarden bundle $(if $(POLICIES),--policies '$(POLICIES)') --output '$(DIST)'/$$name); \
	  echo "$(DIST)/$$name  linux/$(GOARCH)  policies $$digest"; done

.PHONY: sgwarden
sgwarden: ## build the command line tool into bin/
	@$(HOST_GO) build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o bin/sgwarden ./cmd/sgwarden

.PHONY: synth
synth: build node_modules infra-app ## write the CloudFormation templates to cdk.out [POLICIES=dir] [CONTEXT='email=you@example.com mode=enforce']
	@cdk synth --quiet --app ./bin/infra --output $(ASSEMBLY) $(CONTEXTFLAGS)
	@ls $(ASSEMBLY)/*.template.json

# in_each_region runs a command in every region of REGIONS, and stops at the
# first that fails.
define in_each_region
@$(if $(PROFILE),export AWS_PROFILE='$(PROFILE)';) for region in $(or $(REGIONS),''); do \
  if [ -n "$$region" ]; then echo "== $$region"; export AWS_REGION=$$region AWS_DEFAULT_REGION=$$region; fi; \
  $(1); done
endef
STACKFLAG = $(addprefix --stack ,$(patsubst stack=%,%,$(filter stack=%,$(CONTEXT))))
POLICIESFLAG = $(if $(POLICIES),--policies '$(POLICIES)')

.PHONY: doctor-before
doctor-before: sgwarden ## is the account ready to deploy into? [PROFILE=p] [REGIONS='us-east-1 eu-west-1'] [POLICIES=dir] [CONTEXT='stack=NAME']
	$(call in_each_region,./bin/sgwarden doctor --before-deploy $(POLICIESFLAG) $(STACKFLAG))

.PHONY: release-template
release-template: synth ## CloudFormation templates that need no CDK, one per partition, and their code, in release/ [GOARCH=arm64] [POLICIES=dir]
	@rm -rf release
	@cdk synth --quiet --app './bin/infra hub' --output $(ASSEMBLY)/hub $(CONTEXTFLAGS)
	@mv $(ASSEMBLY)/hub/*.template.json $(ASSEMBLY)/ && rm -rf $(ASSEMBLY)/hub
	@$(HOST_GO) run ./infra/release/make -assembly $(ASSEMBLY) -output release $(STACKFLAG)

# W3005: the CDK has a function depend on its role beside naming it.
.PHONY: cfn-lint
cfn-lint: release-template ## lint the CloudFormation templates of synth and release-template with cfn-lint [CONTEXT=...]
	@command -v cfn-lint >/dev/null || { echo 'installing cfn-lint $(CFNLINT) into .venv' >&2; python3 -m venv .venv && .venv/bin/pip install --quiet 'cfn-lint==$(CFNLINT)' || { \
	  echo 'make: cannot install cfn-lint==$(CFNLINT) with pip: put cfn-lint on the PATH' >&2; exit 1; }; }
	@cfn-lint --ignore-checks W3005 --template $(ASSEMBLY)/*.template.json release/*.template.json && echo 'cfn-lint: nothing found'

.PHONY: bootstrap
bootstrap: build node_modules infra-app ## make what the CDK needs in an account, once per region [PROFILE=p] [REGIONS='us-east-1 eu-west-1']
	$(call in_each_region,cdk bootstrap --app ./bin/infra --output $(ASSEMBLY) $(CONTEXTFLAGS) $(FLAGS))

.PHONY: deploy
deploy: build node_modules infra-app ## deploy into your account [PROFILE=p] [REGIONS='us-east-1 eu-west-1'] [POLICIES=dir] [CONTEXT='email=you@example.com mode=enforce'] [APPROVAL=never]
	$(call in_each_region,cdk deploy --app ./bin/infra --output $(ASSEMBLY) --require-approval $(APPROVAL) $(CONTEXTFLAGS) $(FLAGS))

.PHONY: deploy-hub
deploy-hub: node_modules infra-app ## deploy the hub of an organisation (docs/organisation.md) [PROFILE=p] [REGIONS=...] [POLICIES=dir] [CONTEXT=...] [APPROVAL=never]
	$(call in_each_region,cdk deploy --app './bin/infra hub' --output $(ASSEMBLY) --require-approval $(APPROVAL) $(CONTEXTFLAGS) $(FLAGS))

.PHONY: destroy-hub
destroy-hub: node_modules infra-app ## remove the hub; its bucket stays [PROFILE=p] [REGIONS=...] [POLICIES=dir] [CONTEXT=...] [FORCE=yes]
	$(call in_each_region,cdk destroy --app './bin/infra hub' --output $(ASSEMBLY) $(if $(filter yes,$(FORCE)),--force) $(CONTEXTFLAGS) $(FLAGS))

.PHONY: diff
diff: build node_modules infra-app ## what deploy would change [PROFILE=p] [REGIONS=...] [POLICIES=dir] [CONTEXT=...] [FLAGS=--method=template]
	$(call in_each_region,cdk diff --app ./bin/infra --output $(ASSEMBLY) $(CONTEXTFLAGS) $(FLAGS))

.PHONY: destroy
destroy: build node_modules infra-app ## remove the stack; the ledger and the logs stay [PROFILE=p] [REGIONS=...] [POLICIES=dir] [CONTEXT=...] [FORCE=yes]
	$(call in_each_region,cdk destroy --app ./bin/infra --output $(ASSEMBLY) $(if $(filter yes,$(FORCE)),--force) $(CONTEXTFLAGS) $(FLAGS))

.PHONY: left
left: sgwarden ## what a destroyed deployment left [PROFILE=p] [REGIONS=...] [POLICIES=dir] [CONTEXT='stack=NAME']
	$(call in_each_region,./bin/sgwarden doctor --after-destroy $(POLICIESFLAG) $(STACKFLAG))

.PHONY: infra-app
infra-app:
	@mkdir -p bin && $(HOST_GO) build -buildvcs=false -o bin/infra ./infra

# Packages whose tests write pages of docs, and those tests by how they begin.
DOCS := ./cmd/sgwarden ./internal/bundle ./internal/conformance ./internal/corpus ./internal/faultmatrix ./internal/faults ./internal/incident ./internal/policy ./internal/sentinel
.PHONY: docs
docs: ## write anew what the README shows of output, docs/reference, docs/cost.md and the schemas
	@for package in $(DOCS); do $(HOST_GO) test -count=1 -timeout 45m $$package -run '^Test(Readme|Reference|Schema(Is|s)|Frameworks|Costs|Matrix)' -update; done

.PHONY: smoke-arm64
smoke-arm64: ## build the functions for arm64 and start each once, under qemu-user where this machine is not arm64
	@dist=$$(mktemp -d) && trap 'rm -rf "$$dist"' EXIT && \
	$(MAKE) build GOARCH=arm64 DIST="$$dist" >&2 && $(HOST_GO) run ./internal/smoke -dist "$$dist"

.PHONY: lint
lint: ## format, vet and the linters of .golangci.yml
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these'; exit 1; }
	@$(HOST_GO) vet ./... && $(HOST_GO) vet -tags e2e,emulator ./e2e/... ./internal/ledger
	@$(HOST_GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) run
	@cd bench && $(HOST_GO) vet ./... && $(HOST_GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) run

.PHONY: conformance-aws
conformance-aws: ## try what EC2 is taken to do in the account of your AWS profile [CONFIRM=yes] [REMOVE=run]
	@$(HOST_GO) run ./internal/conformance/onaws $(if $(filter yes,$(CONFIRM)),-confirm) $(if $(REMOVE),-remove '$(REMOVE)')

.PHONY: matrix
matrix: ## every call of guard with every fault, pairs of them, and guard killed at every effect [SEED=n]
	@$(HOST_GO) test -count=1 -v -timeout 60m ./internal/faultmatrix -complete $(if $(SEED),-seed $(SEED)) | grep -vE '^(=== |    --- | +--- )'

CHANGES ?= 10000
.PHONY: lost-events
lost-events: ## many changes whose records are lost, doubled and shuffled, and one sweep [CHANGES=10000] [SEED=1]
	@$(HOST_GO) test ./internal/embedded -run '^TestLostEvents$$' -count=1 -v -timeout 60m -lost-changes $(CHANGES) -lost-seed $(SEED) | grep -v '^==='

.PHONY: soak
soak: ## random actors, faults and deaths before the real guard [STATES=1000000] [SEED=1]
	@$(HOST_GO) run ./internal/soak/run -states $(STATES) -seed $(SEED)

.PHONY: race
race: ## the concurrent packages under the race detector (needs a C compiler)
	@$(HOST_GO) test -race -timeout 60m ./internal/warden/... ./internal/ledger/... ./internal/localec2/... ./internal/runtimeapi/... ./internal/policy/...

.PHONY: bench
bench: ## print time, size and calls beside those of others and their bounds (Linux, 5 minutes) [GOALS=5,7] [MARKDOWN=yes]
	@dist=$$(mktemp -d) && trap 'rm -rf "$$dist"' EXIT && \
	$(MAKE) build bench-functions GOARCH=$$($(HOST_GO) env GOARCH) DIST="$$dist" >&2 && \
	$(HOST_GO) build -C bench -o "$$dist/bench" . && \
	"$$dist/bench" -dist "$$dist" $(if $(GOALS),-goals '$(GOALS)') $(if $(filter yes,$(MARKDOWN)),-markdown)

.PHONY: bench-functions
bench-functions:
	@for name in hello bare; do mkdir -p '$(DIST)'/$$name; cd bench && $(BUILD_FUNCTION) -o '$(DIST)'/$$name/bootstrap ./$$name && cd ..; done

.PHONY: fuzz
fuzz: ## run every listed fuzz target for FUZZTIME (20s) each [TARGET=pattern]
	@$(HOST_GO) run ./internal/fuzzing -time $${FUZZTIME:-20s} $(if $(TARGET),-target '$(TARGET)')

.PHONY: mutate
mutate: ## change the pure packages step by step; the tests must notice; goes on where it was interrupted [PACKAGE=internal/plan]
	@$(HOST_GO) run ./internal/mutation $(if $(PACKAGE),-package '$(PACKAGE)') $(if $(WORKERS),-workers '$(WORKERS)')

node_modules: package.json package-lock.json
	@npm ci --no-audit --no-fund --silent
	@touch node_modules

# The emulator and the AWS CLI of the end-to-end tests: those of the machine,
# else those of a virtual environment in the checkout.
.PHONY: emulator
emulator:
	@if command -v moto_server >/dev/null && command -v aws >/dev/null; then exit 0; fi; \
	echo 'installing moto $(MOTO) and the AWS CLI into .venv' >&2; \
	python3 -m venv .venv && .venv/bin/pip install --quiet 'moto[server]==$(MOTO)' 'awscli==$(AWSCLI)' || { \
	  echo 'make: cannot install moto[server]==$(MOTO) and awscli==$(AWSCLI) with pip: put moto_server and aws on the PATH, or run "make unit", which needs Go alone' >&2; exit 1; }

.PHONY: clean
clean: ## remove what the targets made
	@rm -rf bin $(DIST) $(ASSEMBLY) release .build
