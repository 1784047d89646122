/** Why a request got its variant: one value, the same in log, metric, event, audit and page. */
export const routingReasons = ["weighted", "default", "allowed", "denied", "targeted", "killed"] as const;
export type RoutingReason = (typeof routingReasons)[number];
