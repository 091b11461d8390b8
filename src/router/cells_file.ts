import { z } from 'zod';
import { ROUTING_VALUE } from '../resources/entity.ts';

const cellName = z.string().max(ROUTING_VALUE.maxLength).regex(ROUTING_VALUE.pattern);

/** Only an origin: requests keep the path they came with. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  const bare = pathname === '/' && search === '' && hash === '' && username === '' && password === '';
  return bare && (protocol === 'http:' || protocol === 'https:');
}

const cell = z.strictObject({
  url: z
    .string()
    .refine(
      isOrigin,
      'must be an http or https URL of host and port alone, such as http://harrier-api.cell-1.svc',
    )
    .describe("Where the cell's api is."),
});

/** The file that HARRIER_CELLS_FILE names. A cell that is a number is named in decimal here, whatever its tokens have. */
export const cellsFile = z
  .strictObject({
    cells: z
      .record(cellName, cell)
      .refine((cells) => Object.keys(cells).length > 0, 'must name a cell')
      .describe('The cells by name.'),
    default: cellName.optional().describe('The cell of requests that name none.'),
  })
  .refine((file) => file.default === undefined || Object.hasOwn(file.cells, file.default), {
    path: ['default'],
    message: 'must be one of the cells',
  });

export type CellsFile = z.infer<typeof cellsFile>;

/** A cells file that cannot be used. The message says which field is wrong and how. */
export class CellsFileRefused extends Error {
  override readonly name = 'CellsFileRefused';
}

/** Reads the file's text; throws CellsFileRefused. */
export function parseCellsFile(text: string): CellsFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // V8's message quotes the text.
    throw new CellsFileRefused('the file is no JSON');
  }
  const result = cellsFile.safeParse(json);
  if (result.success) return result.data;
  throw new CellsFileRefused(result.error.issues.map(asLine).join('; '));
}

function asLine({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
