import { z } from "zod";
import type { ConfigPath } from "./problem.ts";

/** The keys that the schema knows at a place of the data; where an object has several forms, those of the form it has. */
export function knownKeys(schema: z.ZodType, path: ConfigPath, data: unknown): string[] {
  let schemas = forms(schema, data);
  let value = data;
  for (const part of path) {
    value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
    const below = value;
    schemas = schemas.flatMap((one) => child(one, part)).flatMap((one) => forms(one, below));
  }
  return [...new Set(schemas.flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : [])))].filter((key) => key !== "$schema");
}

/** A schema without its wrappers: defaults, optionality, transforms; of a union, the options that fit the data. */
export function forms(schema: z.core.$ZodType, data?: unknown): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodNullable) {
    return forms(schema.def.innerType, data);
  }
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const key = schema.def.discriminator;
    const tag = typeof data === "object" && data !== null ? (data as Record<string, unknown>)[key] : undefined;
    const fitting = schema.def.options.filter((option) => option instanceof z.ZodObject && accepts(option.shape[key] as z.core.$ZodType, tag));
    return (fitting.length > 0 ? fitting : schema.def.options).flatMap((option) => forms(option, data));
  }
  if (schema instanceof z.ZodUnion) return schema.def.options.flatMap((option) => forms(option, data));
  return [schema];
}

function child(schema: z.core.$ZodType, part: string | number): z.core.$ZodType[] {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, part) ? [schema.shape[part] as z.core.$ZodType] : [];
  if (schema instanceof z.ZodArray) return [schema.def.element];
  return schema instanceof z.ZodRecord ? [schema.def.valueType] : [];
}

function accepts(schema: z.core.$ZodType, value: unknown): boolean {
  return z.safeParse(schema, value).success;
}
