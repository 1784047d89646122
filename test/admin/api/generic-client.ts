/**
 * A client that knows nothing but an OpenAPI document: it makes calls, good and bad, as fast-check likes, and holds each answer against what the document
 * says of it.
 */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";

export interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: "path" | "query" | "header"; readonly required: boolean; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

export interface CallOf {
  readonly method: string;
  readonly template: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const byteString = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f).map((code) => String.fromCharCode(code)), maxLength: 30 });
/** A header's value cannot begin or end with blanks on the wire. */
const headerValue = byteString.map((text) => text.trim());

export class GenericClient {
  private readonly document: OpenApi;
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: false });
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(document: OpenApi) {
    this.document = document;
    this.ajv.addSchema({ $id: "doc", components: document.components });
  }

  /** @param known values that mean something, by the parameter's name: without them no call gets far @param without operations that are not called */
  calls(known: Readonly<Record<string, readonly string[]>>, without: readonly string[]): fc.Arbitrary<CallOf> {
    const operations = Object.entries(this.document.paths).flatMap(([template, methods]) => Object.entries(methods).map(([method, operation]) => ({ template, method: method.toUpperCase(), operation })));
    return fc.oneof(...operations.filter(({ operation }) => !without.includes(operation.operationId)).map(({ template, method, operation }) => this.callsOf(template, method, operation, known)));
  }

  /** @returns what is wrong with the answer; empty: nothing */
  complaints({ method, template }: CallOf, status: number, contentType: string | null, text: string): readonly string[] {
    const operation = this.document.paths[template]?.[method.toLowerCase()];
    // A method that is not in the document is answered as every unknown one.
    if (operation === undefined) return status === 405 ? [] : [`${status} for a method that is not there`];
    const response = operation.responses[status];
    if (status >= 500 && status !== 503) return [`${status}: ${text.slice(0, 300)}`];
    if (response === undefined) return [`${status} is not in the document: ${text.slice(0, 300)}`];
    const type = (contentType ?? "").split(";", 1)[0]!;
    const content = response.content?.[type];
    if (content === undefined) return text === "" && response.content === undefined ? [] : [`${status} with ${type === "" ? "no type" : type} is not in the document`];
    if (content.schema === undefined || !type.endsWith("json")) return [];
    const key = `${operation.operationId} ${status} ${type}`;
    let validate = this.validators.get(key);
    if (validate === undefined) this.validators.set(key, (validate = this.ajv.compile(absolute(content.schema) as object)));
    return validate(JSON.parse(text)) ? [] : [`${key}: ${this.ajv.errorsText(validate.errors)}`];
  }

  private callsOf(template: string, method: string, operation: Operation, known: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<CallOf> {
    const of = (where: string): fc.Arbitrary<Record<string, string | undefined>> =>
      fc.record(Object.fromEntries(operation.parameters.filter((one) => one.in === where).map(({ name, schema, required }) => [name, this.texts(name, schema, required, where, known)])));
    const contents = Object.entries(operation.requestBody?.content ?? {});
    const body = contents.length === 0 ? fc.constantFrom(undefined, undefined, undefined, "{}") : fc.oneof({ weight: 8, arbitrary: fc.oneof(...contents.map(([, { schema }]) => this.value(schema).map((value) => JSON.stringify(value)))) }, { weight: 1, arbitrary: fc.json() }, { weight: 1, arbitrary: fc.constantFrom("", "{", "\u0000", "[]") });
    const type = fc.oneof({ weight: 9, arbitrary: fc.constantFrom("application/json", ...contents.map(([name]) => name)) }, { weight: 1, arbitrary: fc.constantFrom("text/plain", "") });
    const methods = fc.oneof({ weight: 19, arbitrary: fc.constant(method) }, { weight: 1, arbitrary: fc.constantFrom("DELETE", "PATCH") });
    return fc.record({ method: methods, path: of("path"), query: of("query"), headers: of("header"), body, type, extra: fc.oneof({ weight: 19, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: byteString }) }).map(({ path, query, headers, extra, ...rest }) => {
      const filled = template.replace(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(path[name] ?? "x").replace(/^\.+$/, "%2E"));
      const asked = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
      if (extra !== null) asked.append(extra, extra);
      const said = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), value]]));
      return { method: rest.method, template, path: `${filled}${asked.size > 0 ? `?${asked.toString()}` : ""}`, headers: { ...(Object.fromEntries(said) as Record<string, string>), ...(rest.body !== undefined && { "content-type": rest.type }) }, body: rest.body };
    });
  }

  private texts(name: string, schema: Schema, required: boolean, where: string, known: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<string | undefined> {
    const good = known[name];
    const text = where === "header" ? headerValue : fc.string({ unit: "binary", maxLength: 20 }).filter((one) => one.isWellFormed());
    const fitting = schema.type === "integer" ? fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 100, 1_000) }).map(String) : schema.type === "boolean" ? fc.constantFrom("true", "false") : text;
    const any = fc.oneof({ weight: good === undefined ? 0 : 6, arbitrary: fc.constantFrom(...(good ?? [""])) }, { weight: 3, arbitrary: fitting }, { weight: 1, arbitrary: text });
    return required && where === "path" ? any : fc.option(any, { nil: undefined, freq: required ? 8 : 2 });
  }

  private value(schema: Schema): fc.Arbitrary<unknown> {
    if (schema.$ref !== undefined) return this.value(this.document.components.schemas[schema.$ref.split("/").at(-1)!]!);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    if (schema.type === "object" && schema.properties !== undefined) {
      const { required = [] } = schema;
      const keys = Object.keys(schema.properties);
      const whole = fc.record(Object.fromEntries(Object.entries(schema.properties).map(([name, part]) => [name, this.value(part)])), { requiredKeys: keys.filter((key) => required.includes(key)) });
      return fc.oneof({ weight: 9, arbitrary: whole }, { weight: 1, arbitrary: fc.object({ maxDepth: 2 }) });
    }
    if (schema.type === "string") return fc.oneof({ weight: 9, arbitrary: fc.string({ maxLength: 40 }) }, { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) });
    if (schema.type === "integer" || schema.type === "number") return fc.integer({ min: schema.minimum ?? -5, max: schema.maximum ?? 1_000 });
    return fc.jsonValue({ maxDepth: 2 });
  }
}

const absolute = (node: unknown): unknown => JSON.parse(JSON.stringify(node).replaceAll('"$ref":"#/', '"$ref":"doc#/')) as unknown;
