# `warren host`, and every other `warren` command: docs/containers.md.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Qdrant's client lists the compiler as a peer, but only its types need it.
RUN npm ci --omit=dev --ignore-scripts && rm -r node_modules/typescript node_modules/@typescript

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json serverless.yml cli.ts ./
COPY events ./events
COPY functions ./functions
COPY infra ./infra
COPY kit ./kit
COPY lib ./lib

# The image's user `node`, as a number: Kubernetes cannot tell from a name that it is not root.
USER 1000:1000
# Ports of ingest (PORT) and recommend, and of health and metrics.
EXPOSE 3000 3001 8081
# Tells whether to restart the container; /health/ready tells whether to send it work.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8081/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1 and receives SIGTERM; npm or a shell would not pass it on.
ENTRYPOINT ["node", "cli.ts"]
CMD ["host", "--admin-port", "8081", "--admin-bind", "0.0.0.0"]
