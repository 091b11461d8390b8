import type { FastifyError } from 'fastify';

export type FieldError = { path: string; message: string };

/** Which fields a schema refused: JSON Pointers (RFC 6901) into the body, or `querystring:` and the like before them. */
export function fieldErrors(error: Pick<FastifyError, 'validation' | 'validationContext'>): FieldError[] {
  const where = error.validationContext ?? 'body';
  const prefix = where === 'body' ? '' : `${where}:`;
  return (error.validation ?? []).flatMap(({ instancePath, message = 'is not acceptable', params }) => {
    const path = instancePath === '/' ? '' : instancePath;
    // zod reports fields that nobody asked for at the object they stand in.
    const strangers = Array.isArray(params?.keys)
      ? params.keys.map((key) => `${path}/${escaped(key)}`)
      : [path];
    return strangers.map((one) => ({ path: `${prefix}${one}`, message }));
  });
}

function escaped(key: unknown): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1');
}
