/** Real certificates for tests, made by openssl: an authority of the test's own, and what it signs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
}

export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), "ebbgate-ca-"));
  readonly certificate = join(this.directory, "ca.pem");
  private readonly key = join(this.directory, "ca.key");
  private made = 0;

  constructor() {
    this.openssl("req", "-x509", ...newKey, "-keyout", this.key, "-out", this.certificate, "-days", "2", "-subj", `/CN=test authority ${this.directory.slice(-6)}`);
  }

  get pem(): string {
    return readFileSync(this.certificate, "utf8");
  }

  /** @param subject as openssl takes it, `/O=Shop/CN=alice`; good for 127.0.0.1 */
  sign(subject: string): Certificate {
    const name = join(this.directory, `c${++this.made}`);
    const [key, request, certificate, extensions] = [`${name}.key`, `${name}.csr`, `${name}.pem`, `${name}.ext`];
    writeFileSync(extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    this.openssl("req", "-new", ...newKey, "-keyout", key, "-out", request, "-subj", subject);
    this.openssl("x509", "-req", "-in", request, "-CA", this.certificate, "-CAkey", this.key, "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate);
    return { certificate, key };
  }

  clear(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.directory, stdio: ["ignore", "ignore", "pipe"] });
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
