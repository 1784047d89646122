import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSecretName, redact, redacted, redactText } from "../../src/core/redact.ts";

describe("redaction", () => {
  it("knows the names that stand for secrets, in any case", () => {
    for (const name of ["authorization", "Proxy-Authorization", "COOKIE", "set-cookie", "accessToken", "refresh_token", "x-api-key", "clientSecret", "password"]) {
      expect(isSecretName(name), name).toBe(true);
    }
    for (const name of ["author", "host", "cohort", "route", "requests", "keyCount", "secretary"]) expect(isSecretName(name), name).toBe(false);
  });

  it("takes a secret out of an object, however deep and in whatever shape headers come", () => {
    const secret = "s3cr3t-value";
    const shapes = [
      { a: { b: { headers: { Authorization: secret } } } },
      { headers: [["authorization", secret]] },
      { rawHeaders: ["Host", "x", "Cookie", secret] },
      { headers: [{ name: "set-cookie", value: secret }] },
      { headers: new Map([["proxy-authorization", secret]]) },
      { err: Object.assign(new Error("failed"), { config: { headers: { authorization: secret } } }) },
      JSON.parse(`{"__proto__": {"token": "${secret}"}}`) as object,
    ];
    for (const shape of shapes) {
      const text = JSON.stringify(redact(shape));
      expect(text).not.toContain(secret);
    }
  });

  it("never lets a value under a secret name through", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, maxLength: 30 }), fc.object({ maxDepth: 3 }), (secret, rest) => {
        const needle = `<${secret}>`;
        const text = JSON.stringify(redact({ rest, nested: [{ authorization: needle }, { deep: { apiKey: [needle] } }] }));
        expect(text).not.toContain(JSON.stringify(needle).slice(1, -1));
      }),
    );
  });

  it("survives a cyclic object", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    expect(JSON.stringify(redact(cyclic))).toContain("too deep");
  });

  it("takes credentials out of sentences and addresses, and leaves the sentence", () => {
    expect(redactText("sent Bearer abc.def-123 to it")).toBe(`sent Bearer ${redacted} to it`);
    expect(redactText("Authorization: Basic dXNlcjpwYXNz failed")).toBe(`Authorization: Basic ${redacted} failed`);
    expect(redactText("redis://user:pa55@10.0.0.1:6379/0 refused")).toBe(`redis://${redacted}@10.0.0.1:6379/0 refused`);
    expect(redactText("token eyJhbGciOiJub25l.eyJzdWIiOiJib2Ii.sig0")).not.toContain("eyJ");
    expect(redactText("Basic support for http://127.0.0.1:9901/ and mail@example.com")).toBe("Basic support for http://127.0.0.1:9901/ and mail@example.com");
  });
});
