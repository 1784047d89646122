const usage = `usage: npm run bench -- cpu  [--json] [--seconds N] [--rounds N] [--only NAME,NAME] [--load wrk|autocannon]
       npm run bench -- soak [--json] [--only NAME,NAME] [--mib N]
       npm run bench -- judge [--json] [--only NAME] [--seconds N] [--rps N] [--seed N]
       npm run bench -- fleet [--json] [--only many,real,stopped,detection] [--clients N] [--seconds N] [--sidecars N] [--changes N] [--rollbacks N] [--rounds N] [--runs N]
       npm run bench -- gates [--json] [--rounds N]

  cpu    CPU per proxied request, requests per second and latency: Ebbgate beside every peer that is found
  soak   memory under slow clients, reloads under load, clients that never read, clients that go away
  judge  what one judging pass over 100 rollouts costs the control thread
  gates  what a thousand routes with twenty rules each cost a request
  fleet  a thousand sidecars on one Redis, twenty real ones, and how fast twenty find what one would`;

const [name, ...argv] = process.argv.slice(2);
switch (name) {
  case "cpu":
    process.exitCode = await (await import("./cpu/run.ts")).run(argv);
    break;
  case "soak":
    process.exitCode = await (await import("./soak/run.ts")).run(argv);
    break;
  case "judge":
    process.exitCode = await (await import("./judge.ts")).run(argv);
    break;
  case "gates":
    process.exitCode = await (await import("./gates/run.ts")).run(argv);
    break;
  case "fleet":
    process.exitCode = await (await import("./fleet/run.ts")).run(argv);
    break;
  case "help":
  case "--help":
    process.stdout.write(`${usage}\n`);
    break;
  default:
    process.stderr.write(`${name === undefined ? "no benchmark is named" : `no benchmark is called '${name}'`}\n\n${usage}\n`);
    process.exitCode = 2;
}
