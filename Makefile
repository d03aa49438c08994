# make test needs Go, Node 20 or newer with npm, and make. It gets everything else
# by itself: Go's and npm's packages at fixed versions, a few others with apt-get. It
# takes 15 to 30 minutes on two cores.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:

STATICCHECK  := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK  := golang.org/x/vuln/cmd/govulncheck@v1.9.0
COMPOSE      := github.com/compose-spec/compose-go/v2/cmd@v2.16.2
ACTIONLINT   := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
CYCLONEDX    := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
XCADDY       := github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5
TEST_TIMEOUT := 20m

# Without cgo, as releases are built: nothing compiles C, and one compilation of Caddy serves
# go vet, staticcheck and build/caddy. The race detector needs cgo, but Pebble does not need
# the zstd in C then, which takes half a minute to compile. go vet has run before the tests.
# Four packages are tested at a time on two processors, because some wait more than they work.
export CGO_ENABLED := 0
RACE := CGO_ENABLED=1 go test -race -tags pebblegozstd -vet=off

FUZZTIME     := 30s

CADDY   := build/caddy
MODULES := clients/node_modules/.package-lock.json
SITE    := site/node_modules/.package-lock.json

say = @printf '\n== %s\n'

.PHONY: help
help: ## lists the targets (this)
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1#\2/p' $(MAKEFILE_LIST) | column -t -s '#'

.PHONY: build
build: caddy ## builds build/caddy: Caddy with its standard modules and this one

.PHONY: run
run: caddy ## runs a chat on http://localhost:8080/chat and https://localhost:8443/chat
	$(CADDY) run --config Caddyfile.example

.PHONY: docs
docs: $(SITE) ## serves the documents as a web site on http://localhost:5173
	cd site && npm run serve

.PHONY: references
references: caddy $(MODULES) ## writes the documents that are made of something else: commands, JSON, HTTP, JavaScript
	WRITE_REFERENCES=1 go test -count=1 -run 'TestDocuments_(CLI|JSON)' ./caddymodule/command ./caddymodule
	cd clients && WRITE_REFERENCES=1 node --test test/references.test.js

.PHONY: test
test: check test-go test-node ## runs all checks and tests, which every change must pass (15 to 30 minutes)
	$(say) 'all passed'

.PHONY: check
check: check-format check-vet check-lint check-workflows check-compose check-vulnerabilities

.PHONY: check-format
check-format:
	$(say) 'gofmt'
	@unformatted=$$(find . -name node_modules -prune -o -name '*.go' -exec gofmt -l {} +); \
	if [[ -n $$unformatted ]]; then \
		printf 'not formatted (make fmt does it):\n%s\n' "$$unformatted"; \
		exit 1; \
	fi

# Code for other systems, where bench/load does not build, and for a processor with words
# of 32 bits: go vet would compile Caddy for each of them, which takes minutes.
.PHONY: check-vet
check-vet:
	$(say) 'go vet'
	go vet ./...
	$(say) 'types on other systems'
	go build -o build/typecheck ./contrib/typecheck
	printf '%s\n' darwin/arm64 windows/amd64 freebsd/amd64 linux/arm | \
		xargs -P 2 -I {} build/typecheck {} . ./chat/... ./caddymodule/... ./cmd/...

.PHONY: check-lint
check-lint:
	$(say) 'staticcheck'
	go run $(STATICCHECK) ./...

.PHONY: check-workflows
check-workflows:
	$(say) 'actionlint'
	go run $(ACTIONLINT)

# The compose files of the documents, as docker compose reads them. That of the cookbook is a part of another.
.PHONY: check-compose
check-compose:
	$(say) 'compose files'
	@mkdir -p build/compose
	@for page in deployment nodes cookbook; do \
		{ [[ $$page != cookbook ]] || printf 'services:\n  chat:\n'; sed -n '/^```yaml$$/,/^```$$/{/^```/d;p}' docs/$$page.md; } > build/compose/$$page.yaml; \
		grep -q . build/compose/$$page.yaml; \
	done
	@export CHAT_PASSWORD=secret; cd build/compose; \
	for files in deployment.yaml 'deployment.yaml cookbook.yaml' nodes.yaml; do \
		go run $(COMPOSE) $$files > read; echo "$$files: $$(wc -l < read) lines"; \
	done

# The database of vulnerabilities is on the network, which not every machine can reach.
.PHONY: check-vulnerabilities
check-vulnerabilities:
	$(say) 'govulncheck'
	@if timeout 5 bash -c '</dev/tcp/vuln.go.dev/443' 2>/dev/null; then \
		timeout 300 go run $(GOVULNCHECK) ./...; \
	else \
		echo 'SKIPPED: vuln.go.dev can not be reached from here'; \
	fi

.PHONY: test-go
test-go: compiler nginx pgbouncer php postgres ## runs the Go tests, with the race detector
	$(say) 'go test -race'
	$(RACE) -p 4 -timeout $(TEST_TIMEOUT) ./...
	$(say) '2,000 simulations of several nodes'
	go test -count=1 -run '^TestSimulation$$' ./chat/shared -seeds 2000

.PHONY: busy
busy: ## 100 rounds in which no message may be later than 2 s, beside ten busy threads a processor
	$(say) 'chat beside busy threads'
	go test -count=1 -v -timeout 30m -run '^TestHub_BusyProcessors_NoMessageIsLate$$' ./chat -busy-rounds 100

.PHONY: flake
flake: compiler caddy caddy-h2 chromium firefox fonts mariadb nginx pgbouncer php postgres systemd $(MODULES) $(SITE) ## all tests many times beside busy threads; goes on where it stopped (hours)
	contrib/flake

.PHONY: test-node
test-node: caddy caddy-h2 chromium firefox fonts mariadb postgres systemd $(MODULES) $(SITE) ## tests the JavaScript clients against the real binary
	$(say) 'node --test'
	cd clients && npm test --silent

.PHONY: caddy
caddy:
	$(say) 'build $(CADDY)'
	go build -o $(CADDY) ./cmd/caddy

.PHONY: caddy-h2
caddy-h2: # with WebSockets over HTTP/2 as well
	$(say) 'build $(CADDY)-h2'
	go build -tags chat_h2 -o $(CADDY)-h2 ./cmd/caddy

$(MODULES): clients/package.json clients/package-lock.json
	$(say) 'npm ci'
	cd clients && npm ci --no-audit --no-fund
	@touch $@

$(SITE): site/package.json site/package-lock.json
	$(say) 'npm ci in site'
	cd site && npm ci --no-audit --no-fund
	@touch $@

# A release is built from one commit, with one version of Go and fixed flags, so that
# anybody who builds it again gets the same bytes.
VERSION   := $(shell git describe --tags --always 2>/dev/null || echo unknown)
PLATFORMS := linux/amd64 linux/arm64 linux/arm/7 darwin/amd64 darwin/arm64 windows/amd64 freebsd/amd64

.PHONY: release
release: zip ## makes dist/: archives for seven platforms, a bill of materials, checksums
	contrib/release $(VERSION) $(PLATFORMS)
	$(say) 'what is in them'
	go run $(CYCLONEDX) app -json -licenses -std -noserial -notimestamp -main cmd/caddy -output dist/caddy-chat_$(VERSION).cdx.json .
	cd dist && sha256sum caddy-chat_* > SHA256SUMS

.PHONY: reproducible
reproducible: ## builds the last commit in two folders and compares the binaries
	contrib/reproducible

.PHONY: xcaddy
xcaddy: ## builds build/xcaddy with xcaddy, as users build a Caddy with this module
	go run $(XCADDY) build --with github.com/caddychat/caddy-chat@v0.0.0=. --output build/xcaddy
	build/xcaddy list-modules | grep -F chat

.PHONY: page
page: $(MODULES) ## builds the built-in page from clients/web and clients/core
	$(say) 'build caddymodule/ui'
	cd clients && node build.js page

.PHONY: fuzz
fuzz: ## runs every fuzz target for FUZZTIME (30s)
	@while IFS=: read -r file target; do \
		printf '\n== %s in %s\n' "$$target" "$$file"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	done < <(find . -name node_modules -prune -o -name '*_test.go' -exec \
		grep -oE '^func Fuzz\w+' {} + | sed -E 's|^\./||; s|func ||')

.PHONY: fmt
fmt: ## formats the Go code
	gofmt -w $$(find . -name node_modules -prune -o -name '*.go' -print)

.PHONY: examples
examples: caddy chromium fonts $(MODULES) ## builds the examples with TDesign, in uni-app and in Taro, with their own tools, and chats in them (minutes, 700 MB)
	@for name in tdesign uniapp taro; do \
		printf '\n== clients/examples/%s\n' $$name; \
		(cd clients/examples/$$name && npm ci --no-audit --no-fund && npm run build); \
	done
	$(say) 'build/examples: pictures of them'
	cd clients/examples/draw && npm ci --no-audit --no-fund && node draw.js

.PHONY: screenshots
screenshots: caddy chromium fonts $(MODULES) ## takes the pictures of the mini program and of the page for the documents
	$(say) 'docs/screenshots, docs/steps, docs/images'
	cd clients && npm run --silent screenshots

# Packages of Debian: each target runs a command, and installs its packages if that
# fails. apt-get waits up to 300 seconds for another apt-get on the machine.

.PHONY: compiler
compiler: # for the race detector, which is written in C
	@$(call debian,command -v cc,gcc libc6-dev)

.PHONY: chromium
chromium: # for the tests of the built-in page and the mini program
	@$(call debian,[[ -n $$(command -v chromium) && -n $$(command -v chromium-headless-shell) ]],chromium chromium-headless-shell)

.PHONY: firefox
firefox: # for a test of the built-in page
	@$(call debian,[[ -n $$(command -v firefox-esr firefox) ]],firefox-esr)

.PHONY: fonts
fonts: # for Chinese, emoji, Arabic and Hebrew
	@$(call debian,[[ -n $$(fc-list :lang=zh-cn) && -n $$(fc-list :lang=und-zsye) && -n $$(fc-list 'DejaVu Sans') ]],fontconfig fonts-noto-cjk fonts-noto-color-emoji fonts-dejavu-core)

.PHONY: mariadb
mariadb: # for the test that moves a chat out of a database
	@$(call debian,[[ -n $$(PATH=$$PATH:/usr/sbin command -v mariadbd) && -n $$(command -v mariadb) ]],mariadb-server-core mariadb-client-core)

.PHONY: nginx
nginx: # for the test of the lines for it in docs/cookbook.md
	@$(call debian,[[ -n $$(PATH=$$PATH:/usr/sbin command -v nginx) ]],nginx)

.PHONY: postgres
postgres: # for the tests of the journal in it
	@$(call debian,[[ -n $$(command -v initdb) || -n $$(compgen -G '/usr/lib/postgresql/*/bin/initdb') ]],postgresql)

.PHONY: pgbouncer
pgbouncer: # for the tests of the journal through it
	@$(call debian,[[ -n $$(PATH=$$PATH:/usr/sbin command -v pgbouncer) ]],pgbouncer)

.PHONY: php
php: # for the test of the receiver in docs/webhooks.md
	@$(call debian,[[ -n $$(command -v php) ]],php-cli)

.PHONY: postgres-all
postgres-all: compiler pgbouncer postgres ## the whole of journaltest on a real PostgreSQL, on one node and on two, also through PgBouncer (minutes)
	$(RACE) -count=1 -timeout 2h ./chat/pgjournal -all
	$(RACE) -count=1 -timeout 2h ./chat/pgjournal -all -run '^TestJournal$$|KilledConnections' -through transaction

# It prints the seed. With the same SEED it goes on where it was stopped.
SEED   ?= $(shell date +%s)
FAULTS := 200
.PHONY: faults
faults: caddy postgres ## 200 faults of three nodes over three PostgreSQLs, 30 for each cluster; SEED=<number> goes on (half an hour)
	$(say) 'faults of several nodes: make faults SEED=$(SEED) goes on where this is stopped'
	@mkdir -p build/faults
	go test -count=1 -timeout 4h -run '^TestNodes_Faults$$' -v ./caddymodule/nodes \
		-faults $(FAULTS) -seed $(SEED) -longest 12s -caddy $(CURDIR)/$(CADDY) -done $(CURDIR)/build/faults

# The nodes of the earlier version make the schema, those of this one bring it up to date.
FROM := HEAD
.PHONY: upgrade
upgrade: caddy postgres ## three nodes under load go from the version FROM=<tag or commit> to this one, one after the other (two minutes)
	$(say) 'upgrade of three nodes from $(FROM)'
	rm -rf build/from && mkdir -p build/from
	git archive $(FROM) | tar x -C build/from
	cd build/from && go build -tags pebblegozstd -o caddy ./cmd/caddy
	go test -count=1 -run '^TestNodes_Upgrade$$' -v ./caddymodule/nodes -from $(CURDIR)/build/from/caddy -caddy $(CURDIR)/$(CADDY)

.PHONY: standby
standby: caddy postgres systemd $(MODULES) ## the standby of docs/nodes.md, on two machines under a systemd of their own, of which one is lost (a minute)
	cd clients && node --test test/standby.js

.PHONY: simulations
simulations: ## 100,000 simulations of three nodes whose database fails in every way (an hour)
	$(say) 'simulations of several nodes'
	go test -count=1 -timeout 4h -run '^TestSimulation$$' -v ./chat/shared -seeds 100000

.PHONY: systemd
systemd: # for the test of docs/deployment.md, which also runs iproute2 and curl
	@$(call debian,[[ -x /lib/systemd/systemd && -n $$(command -v ip) && -n $$(command -v curl) ]],systemd iproute2 curl)

.PHONY: zip
zip: # for the archive for Windows
	@$(call debian,command -v zip,zip)

define debian
$(1) >/dev/null 2>&1 || { \
	printf '\n== apt-get install $(2)\n'; \
	apt-get update -q -o DPkg::Lock::Timeout=300; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o DPkg::Lock::Timeout=300 --no-install-recommends $(2); \
}
endef
