/** Writes answers on an HTTP/1.1 client connection: status, fields and framing as the client's version allows. */
import type net from "node:net";
import type { ErrorCode } from "../core/errors.ts";
import { chunked, untilClose } from "../http1/framing.ts";
import { problemResponse, relayHead } from "../http1/relay-head.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import { BodyWriter } from "./body-writer.ts";

export class AnswerWriter extends BodyWriter {
  /** Of the request's version, HTTP/1.x. */
  minor = 1;
  /** The answer says that the connection closes after it, and then it must. */
  closeAfter = false;

  constructor(socket: net.Socket) {
    super(socket);
  }

  interim(head: ResponseHead): void {
    // RFC 9110 section 15.2: an HTTP/1.0 client knows no interim answers.
    if (this.minor === 1) this.text(relayHead(head, false, ""));
  }

  /** @param setCookie a whole line, or "" */
  head(head: ResponseHead, setCookie: string): void {
    const unknownLength = head.bodyLength === chunked || head.bodyLength === untilClose;
    // An HTTP/1.0 client sees the end of such a body by the end of the connection only.
    if (unknownLength && this.minor === 0) this.closeAfter = true;
    this.chunked = unknownLength && this.minor === 1;
    const connection = this.closeAfter ? "connection: close\r\n" : this.minor === 0 ? "connection: keep-alive\r\n" : "";
    this.text(relayHead(head, this.chunked, setCookie === "" ? connection : connection + setCookie));
  }

  upgrade(head: ResponseHead): void {
    this.text(relayHead(head, false, "connection: upgrade\r\n"));
    this.flush();
  }

  /** The proxy's own answer, whole. */
  problem(code: ErrorCode, withBody: boolean, setCookie: string): void {
    this.chunked = false;
    this.text(problemResponse(code, this.closeAfter, withBody, setCookie));
    this.flush();
  }
}
