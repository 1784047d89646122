/**
 * The registry's own file. The package's entry loads every collector, OpenTelemetry and a quantile sketch with it: 12 MiB
 * resident that a sidecar has no use for (docs/decisions/002-metrics-library.md).
 */
declare module "@prometheus-io/client/lib/registry.js" {
  export { Registry as default } from "@prometheus-io/client";
}
