import { z } from 'zod';

/** What many of the chart's values are. */
export const text = (description: string, fallback = '') =>
  z.string().default(fallback).describe(description);
export const flag = (description: string, fallback: boolean) =>
  z.boolean().default(fallback).describe(description);
export const stringMap = (description: string) =>
  z.record(z.string(), z.string()).default({}).describe(description);
/** Objects of Kubernetes, which knows best what is in them. */
export const objects = (description: string) => z.array(z.looseObject({})).default([]).describe(description);

export const quantity = /^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/;
export const cidr = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]+)\/[0-9]{1,3}$/;
/** host or host:port */
export const host = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$/;
