import { createServer } from "node:net";
import { answerBody } from "./upstreams.ts";
import type { Variant } from "./upstreams.ts";

// The fallback where nginx is missing: answers each request head on a bare socket. It serves only this benchmark's
// loads (requests without bodies), so it looks for the blank line and nothing else.

const headEnd = "\r\n\r\n";

function serve(port: number, variant: Variant): void {
  const respond = (body: string): string =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Variant: ${variant}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const usual = respond(answerBody(variant));
  createServer({ noDelay: true }, (socket) => {
    let unread = "";
    socket.setEncoding("latin1");
    socket.on("error", () => socket.destroy());
    socket.on("data", (text: string) => {
      unread += text;
      let answers = "";
      for (let end = unread.indexOf(headEnd); end >= 0; end = unread.indexOf(headEnd)) {
        const head = unread.slice(0, end);
        unread = unread.slice(end + headEnd.length);
        answers += head.startsWith("GET /echo ")
          ? respond(JSON.stringify({ variant, seen: /^x-check: ?(.*)$/im.exec(head)?.[1]?.trim() ?? "" }))
          : usual;
      }
      socket.write(answers, "latin1");
    });
  }).listen({ port, host: "127.0.0.1", backlog: 4_096 });
}

serve(Number(process.argv[2]), "baseline");
serve(Number(process.argv[3]), "candidate");
