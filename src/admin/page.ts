/** `/`: the status page. It polls `/api/v1/status` each second, and its policy lets it do nothing else. */
import { createHash } from "node:crypto";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";
import type { Answer } from "./problem.ts";

const sha256 = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const policy = [
  "default-src 'none'",
  `script-src ${sha256(pageScript)}`,
  `style-src ${sha256(pageStyle)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ebbgate</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1><svg viewBox="0 0 26 26" aria-hidden="true"><path d="M4 22V6M22 22V6M4 8h18M9 13c1.3-1.5 2.7-1.5 4 0s2.7 1.5 4 0M9 18c1.3-1.5 2.7-1.5 4 0s2.7 1.5 4 0"/></svg>Ebbgate</h1>
<span class="soft" id="who"></span>
<span class="grow"></span>
<span class="soft" id="facts">asking</span>
<span class="chip soft" id="ready">...</span>
</header>
<main><noscript>This page needs JavaScript; <a href="/api/v1/status">/api/v1/status</a> says the same.</noscript></main>
<footer><span id="version"></span> &middot; <a href="/api/v1/status">status</a> &middot; <a href="/metrics">metrics</a> &middot; <a href="/readyz">readiness</a></footer>
<script>${pageScript}</script>
</body>
</html>
`;

export const statusPage: Answer = { status: 200, contentType: "text/html; charset=utf-8", body, headers: { "content-security-policy": policy } };
