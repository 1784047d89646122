/** Where there are no tokens: whoever reaches the loopback address has the machine already, and is believed. */
import { isLoopback } from "../binding.ts";
import type { Access } from "./access.ts";

/** As people and tools name themselves; nothing of it is proven. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;

/** @param host where the admin server listens */
export function localAccess(host: string): Access {
  const role = isLoopback(host) ? "admin" : "viewer";
  return {
    admit: ({ user }) => Promise.resolve({ principal: { name: user !== undefined && nameForm.test(user) ? user : "local", role, verified: false } }),
    denied: () => undefined,
  };
}
