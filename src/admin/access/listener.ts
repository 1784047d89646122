/** The admin server's sockets: plain, or TLS whose files are read anew when they change, so that a renewed certificate needs no restart. */
import { constants, createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContextOptions, TLSSocket } from "node:tls";
import type { AdminTls } from "../../config/settings.ts";
import type { Log } from "../../core/log.ts";
import type { Credentials } from "./access.ts";

const lookEveryMs = 2_000;
const handshakeTimeoutMs = 5_000;

interface Material {
  readonly options: SecureContextOptions;
  /** Of what the files hold. */
  readonly digest: string;
}

export interface Listener {
  readonly server: Server;
  /** Looks at the files now. @returns whether new ones are in use */
  look(): boolean;
  close(): void;
}

/** @throws Error where the files of `tls` cannot be used */
export function openListener(tls: AdminTls | undefined, options: ServerOptions, serve: RequestListener, log: Pick<Log, "info" | "error">): Listener {
  if (tls === undefined) return { server: createServer(options, serve), look: () => false, close: () => undefined };
  let used = read(tls);
  // A certificate and its key are two files: between the two writes they do not belong together, and that is no news.
  let doubted = "";
  const server = createTlsServer({ ...options, ...used.options, handshakeTimeout: handshakeTimeoutMs, requestCert: tls.clientCa !== null, rejectUnauthorized: false }, serve);
  const look = (): boolean => {
    try {
      const found = read(tls);
      if (found.digest === used.digest) return false;
      server.setSecureContext(found.options);
      used = found;
      doubted = "";
      log.info({ ...validity(found) }, "The admin server has another certificate.");
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why === doubted) return false;
      if (doubted !== "") log.error({ err: error }, "The admin server's TLS files cannot be used; those from before serve on.");
      doubted = doubted === "" ? " " : why;
      return false;
    }
  };
  const timer = setInterval(look, lookEveryMs).unref();
  return { server, look, close: () => clearInterval(timer) };
}

/** The client's certificate, where it is one of `clientCa`'s. */
export function certificateOf(socket: Socket): Credentials["certificate"] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  // OpenSSL names the widest part first, a line each, and escapes as RFC 4514 does.
  return { fingerprint: certificate.fingerprint256, subject: certificate.subject.split("\n").toReversed().join(",") };
}

/** @throws Error that names the file */
function read({ certificate, key, clientCa }: AdminTls): Material {
  const [cert, secret, ca] = [text("certificate", certificate), text("key", key), clientCa === null ? undefined : text("clientCa", clientCa)];
  const options: SecureContextOptions = {
    cert, key: secret, minVersion: "TLSv1.2",
    // A resumed session would show the certificate that it began with, whatever clientCa is by now.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(ca === undefined ? {} : { ca }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`admin.tls: ${certificate} and ${key}${clientCa === null ? "" : ` (and clientCa ${clientCa})`} cannot be used (${error instanceof Error ? error.message : String(error)}): they are PEM files, and the key is the certificate's.`, { cause: error });
  }
  return { options, digest: createHash("sha256").update(JSON.stringify([cert, secret, ca ?? null])).digest("hex") };
}

function text(field: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`admin.tls.${field}: ${path} cannot be read (${error instanceof Error && "code" in error ? String(error.code) : String(error)}).`, { cause: error });
  }
}

function validity({ options }: Material): { readonly subject: string; readonly validTo: string } {
  const { subject, validTo } = new X509Certificate(String(options.cert));
  return { subject: subject.split("\n").toReversed().join(","), validTo };
}
