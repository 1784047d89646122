/** The environment that `${VAR}` reads. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Substitution =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "error"; readonly message: string; readonly remedy: string };

/**
 * Replaces `${VAR}` and `${VAR:-default}` in one scalar's text; `$${` stays as `${`. As in a shell, a variable that is
 * set to nothing takes the default. A substituted value is not searched again, so a variable cannot smuggle in another.
 *
 * @returns null where the text has nothing to replace
 */
export function substitute(written: string, environment: Environment): Substitution | null {
  if (!written.includes("${")) return null;
  let text = "";
  let at = 0;
  for (;;) {
    const start = written.indexOf("${", at);
    if (start < 0) return { kind: "text", text: text + written.slice(at) };
    if (written[start - 1] === "$" && start - 1 >= at) {
      text += written.slice(at, start - 1) + "${";
      at = start + 2;
      continue;
    }
    const end = written.indexOf("}", start);
    if (end < 0) return { kind: "error", message: "has a '${' without its '}'", remedy: "Close it, or write $${ for a literal ${" };
    const inner = written.slice(start + 2, end);
    const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner) ?? [];
    if (name === undefined) {
      return { kind: "error", message: `'\${${inner}}' is not a substitution`, remedy: "Write ${NAME} or ${NAME:-default}, or $${ for a literal ${" };
    }
    if (fallback?.includes("${") === true) {
      return { kind: "error", message: "a default may not contain another '${'", remedy: "Write the default out" };
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    const chosen = fallback !== undefined && (value === undefined || value === "") ? fallback : value;
    if (chosen === undefined) {
      return { kind: "error", message: `the environment variable ${name} is not set`, remedy: `Set ${name}, or give a default: \${${name}:-...}` };
    }
    text += written.slice(at, start) + chosen;
    at = end + 1;
  }
}
