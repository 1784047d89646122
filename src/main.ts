#!/usr/bin/env node
/** The command line's entry, and with `run` the composition root. */
import { dispatch, type CliIo } from "./cli/args.ts";
import { commands } from "./commands.ts";
import { version } from "./version.ts";

// Whoever reads has read enough, as `head` does: nobody is to be told.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const io: CliIo = { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() };
process.exitCode = await dispatch(commands, process.argv.slice(2), io, version);
