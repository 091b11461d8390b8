# The same contents as hack/image makes without Docker: Node 24, dist/, a user without rights, nothing written to the root.
# Harrier itself:              docker build --tag harrier:dev .
# The runner of examples/:     docker build --target demo-job --tag harrier-demo-job:dev .

FROM node:24-bookworm-slim AS packages
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM packages AS bundled
COPY . .
RUN node hack/bundle.ts && rm dist/*.map && echo '{"name":"harrier","type":"module"}' > dist/package.json

FROM node:24-bookworm-slim AS demo-job
RUN apt-get update && apt-get install --yes --no-install-recommends zstd && rm -rf /var/lib/apt/lists/*
COPY --from=packages /src/node_modules /job/node_modules
COPY examples/demo-job/*.mjs /job/
WORKDIR /workspace
RUN chmod 1777 /workspace
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/job/runner.mjs"]

FROM node:24-bookworm-slim AS harrier
COPY --from=bundled /src/dist /app
WORKDIR /app
ENV NODE_ENV=production MALLOC_MMAP_THRESHOLD_=131072
USER 65532:65532
# The flag, and the threshold above: see hack/program.ts.
ENTRYPOINT ["/usr/local/bin/node", "--single-threaded-gc", "/app/main.js"]
