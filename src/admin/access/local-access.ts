/** Where there are no tokens: whoever reaches the loopback address has the machine already, and is believed. */
import { redactText } from "../../core/redact.ts";
import type { Principal } from "../api/roles.ts";
import { isLoopback } from "../binding.ts";
import type { Access } from "./access.ts";

/** As people and tools name themselves; nothing of it is proven. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;

/** @param host where the admin server listens; off loopback whoever reaches it is anybody, and may only look */
export function localAccess(host: string): Access {
  const principalOf = (user: string | undefined): Principal =>
    isLoopback(host) ? { name: user !== undefined && nameForm.test(user) && redactText(user) === user ? user : "local", role: "admin", verified: false } : { name: "anybody", role: "viewer", verified: false };
  return { exposed: false, admit: ({ user }) => Promise.resolve({ principal: principalOf(user) }), denied: () => undefined };
}
