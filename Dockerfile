# The sidecar: docker build -t ebbgate .
# The example shop: docker build --target shop -t ebbgate-shop .

FROM node:26-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Install scripts only fetch another Node.js, and the image is one. Not 'npm ci': it refuses a lock file that lists the
# optional bindings of one platform only, which is what npm writes where the other platforms' are not mirrored.
RUN npm install --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && mkdir state

# Node, the libraries that it loads, one user, and nothing else: no shell, no package manager.
FROM node:26-bookworm-slim AS files
RUN mkdir -p /files/etc /files/tmp && chmod 1777 /files/tmp \
  && cp -L --parents /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o '/[^ ]*') /files \
  && echo 'node:x:1000:1000::/:/nologin' >/files/etc/passwd \
  && echo 'node:x:1000:' >/files/etc/group \
  && echo 'hosts: files dns' >/files/etc/nsswitch.conf

FROM scratch AS node
COPY --from=files /files /
ENV PATH=/usr/local/bin NODE_ENV=production
USER 1000:1000

FROM node AS shop
WORKDIR /shop
COPY package.json examples/shop ./
EXPOSE 3000
ENTRYPOINT ["node", "main.ts", "--host", "0.0.0.0", "--port", "3000", "--control-port", "3900"]

FROM node
WORKDIR /ebbgate
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# The only place that is written to: state and audit log. The root file system may be read-only.
COPY --from=build --chown=1000:1000 /build/state /var/lib/ebbgate
VOLUME /var/lib/ebbgate
EXPOSE 8080 9901
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=2 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.EBBGATE_ADMIN_PORT ?? 9901) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process: SIGTERM reaches it, and it drains before it ends.
ENTRYPOINT ["node", "/ebbgate/dist/main.js"]
CMD ["run", "--config", "/etc/ebbgate/ebbgate.yaml"]
