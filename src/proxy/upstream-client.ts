/** Connections of the control thread's own to an endpoint: for checks, probes and copies, never for users' requests. */
import { Client, Pool } from "undici";
import type { EndpointAddress } from "../config/snapshot.ts";
import { lookupEndpoint } from "./endpoint-lookup.ts";

const keepAliveMs = 1_000;

/** @param address what `originOf` cannot say of a unix socket goes into the options */
const optionsOf = (address: EndpointAddress, connectMs: number) => ({
  ...(address.kind === "unix" ? { socketPath: address.path } : {}), connect: { timeout: connectMs, ...(address.kind === "unix" ? {} : { lookup: lookupEndpoint(address.port) }) }, keepAliveTimeout: keepAliveMs,
});

const originOf = (address: EndpointAddress): string =>
  address.kind === "unix" ? "http://localhost" : `http://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;

export const openClient = (address: EndpointAddress, connectMs: number): Client => new Client(originOf(address), optionsOf(address, connectMs));

export const openPool = (address: EndpointAddress, connectMs: number, connections: number): Pool => new Pool(originOf(address), { ...optionsOf(address, connectMs), connections });
