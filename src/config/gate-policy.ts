/** What the gate policy asks of gates: refused where it is missing, or only said, as the policy's mode says. */
import type { GateDocument, PolicyDocument } from "./gate-schema.ts";
import type { ConfigPath, Finding } from "./problem.ts";

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export function policyFindings(gates: readonly GateDocument[], policy: PolicyDocument, base: ConfigPath): Finding[] {
  return gates.flatMap((gate, index) => {
    const path = [...base, "gates", index];
    const findings: Finding[] = policy.require.filter((key) => gate[key] === undefined).map((key) => ({ path: [...path, key], message: "is missing", remedy: remedies[key] }));
    if (policy.style === "kebab" && !kebab.test(gate.name)) findings.push({ path: [...path, "name"], message: "is not in kebab case, as the gate policy asks", remedy: "Write lower case with single dashes, as new-checkout; or set gatePolicy.style: any" });
    if (policy.prefixes.length > 0 && !policy.prefixes.some((prefix) => gate.name.startsWith(prefix))) {
      findings.push({ path: [...path, "name"], message: "begins with no prefix of the gate policy", remedy: `Begin it with ${policy.prefixes.join(" or ")}` });
    }
    const { created, sunset } = gate;
    if (policy.lifeMax !== undefined && created !== undefined && sunset !== undefined && Date.parse(sunset) - Date.parse(created) > policy.lifeMax) {
      findings.push({ path: [...path, "sunset"], message: `is more than ${policy.lifeMax / 86_400_000} days after \`created\``, remedy: "Write an earlier day, or set gatePolicy.lifeMax" });
    }
    return findings;
  });
}

const remedies = {
  owner: "Say who answers for the gate, as team-checkout; or change gatePolicy",
  description: "Say what it is for; or change gatePolicy",
  ticket: "Say where it is tracked, as SHOP-1234; or change gatePolicy",
  created: "Write the day on which it was made, as 2026-11-27; or change gatePolicy",
  sunset: "Write the day from which it should be gone, as 2027-02-27; or change gatePolicy",
  criteria: "Say what has to be true for the gate to go; or change gatePolicy",
} as const;
