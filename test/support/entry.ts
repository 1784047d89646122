import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const given = process.env["EBBGATE_TEST_ENTRY"];

/** The program that tests run as a process: what build.ts made of the source, or the source itself. */
export const entry = given === undefined ? fileURLToPath(new URL("../../src/main.ts", import.meta.url)) : resolve(given);
