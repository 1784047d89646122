/** What a gate's rules read of a request: headers, cookies, claims and query parameters. */
import type { AttributeSource, TextTest } from "../core/gates.ts";
import { claimSeparator } from "./claims.ts";
import { findCookie } from "./cookie.ts";
import type { GateQuestion } from "./gate-question.ts";
import { findParameter } from "./query.ts";

/** @returns undefined where the request has none of that name. A name that is there twice has its first value. */
export type AttributeReader = (question: GateQuestion) => string | undefined;

export function attributeReader(source: AttributeSource, name: string): AttributeReader {
  switch (source) {
    case "header":
      return ({ request }) => request.get(name);
    case "cookie": {
      const nameAndEquals = `${name}=`;
      return ({ request }) => findCookie(request, nameAndEquals);
    }
    case "query":
      return ({ request }) => findParameter(request.target, name);
    case "claim":
      return (question) => question.claim(name);
  }
}

/** Headers and cookies are bytes, one latin1 character each: what is written as text is compared as its UTF-8 bytes. */
export const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** @returns whether a value passes; of a claim that holds several texts one is enough */
export function textTest(source: AttributeSource, test: TextTest): (value: string) => boolean {
  const asSent = source === "header" || source === "cookie" ? bytesOf : (text: string): string => text;
  const one = singleTest(test, asSent);
  if (source !== "claim" || test.kind === "present") return one;
  return (value) => (value.includes(claimSeparator) ? value.split(claimSeparator).some(one) : one(value));
}

function singleTest(test: TextTest, asSent: (text: string) => string): (value: string) => boolean {
  switch (test.kind) {
    case "present":
      return () => true;
    case "in": {
      const values = test.values.map(asSent);
      if (values.length === 1) {
        const only = values[0]!;
        return (value) => value === only;
      }
      const set = new Set(values);
      return (value) => set.has(value);
    }
    case "prefix": {
      const wanted = asSent(test.value);
      return (value) => value.startsWith(wanted);
    }
    case "suffix": {
      const wanted = asSent(test.value);
      return (value) => value.endsWith(wanted);
    }
    case "contains": {
      const wanted = asSent(test.value);
      return (value) => value.includes(wanted);
    }
  }
}
