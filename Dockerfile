# The sidecar: docker build -t ebbgate .
# The example shop: docker build --target shop -t ebbgate-shop .

FROM node:26-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Install scripts only fetch another Node.js, and the image is one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26-bookworm-slim AS shop
WORKDIR /shop
COPY package.json ./
COPY examples/shop ./
USER node
EXPOSE 3000
ENTRYPOINT ["node", "main.ts", "--host", "0.0.0.0", "--port", "3000", "--control-port", "3900"]

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /ebbgate
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# The only place that is written to: state and audit log. The root file system may be read-only.
RUN install -d -o node -g node /var/lib/ebbgate
VOLUME /var/lib/ebbgate
USER node
EXPOSE 8080 9901
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --start-interval=1s --retries=2 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.EBBGATE_ADMIN_PORT ?? 9901) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process: SIGTERM reaches it, and it drains before it ends.
ENTRYPOINT ["node", "/ebbgate/dist/main.js"]
CMD ["run", "--config", "/etc/ebbgate/ebbgate.yaml"]
