import { MAX_PARTS } from '../protocol/parts.ts';
import { BlobError } from './azure_answer.ts';
import type { Block, Upload } from './uploads.ts';

const ENTRY = /^<(Latest|Committed|Uncommitted)>([^<]*)<\/\1>\s*/;
const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export interface ListedBlock {
  from: 'Latest' | 'Committed' | 'Uncommitted';
  id: string;
}

/**
 * Reads the body of Put Block List. Its schema is one flat list of three elements, so that anything else (a
 * DOCTYPE, another element, text between) is refused rather than interpreted.
 */
export function parseBlockList(xml: string): ListedBlock[] {
  const invalid = new BlobError(400, 'InvalidXmlDocument', 'the block list is not valid XML');
  const document =
    /^\uFEFF?\s*(?:<\?xml[^>]*\?>\s*)?<BlockList(?:\s+xmlns="[^"]*")?\s*(?:\/>|>([\s\S]*)<\/BlockList\s*>)\s*$/;
  const match = document.exec(xml);
  if (match === null) throw invalid;
  const blocks: ListedBlock[] = [];
  let rest = (match[1] ?? '').trimStart();
  while (rest !== '') {
    const entry = ENTRY.exec(rest);
    if (entry === null) throw invalid;
    if (blocks.length === MAX_PARTS)
      throw new BlobError(400, 'BlockListTooLong', `a block list names at most ${MAX_PARTS} blocks`);
    blocks.push({ from: entry[1] as ListedBlock['from'], id: unescapeXml(entry[2] ?? '').trim() });
    rest = rest.slice(entry[0].length);
  }
  return blocks;
}

/** Finds each listed block: Latest means the staged one where there is one, else the one committed before. */
export function resolveBlockList(
  list: readonly ListedBlock[],
  upload: Pick<Upload, 'staged' | 'committed'>,
): { id: string; block: Block }[] {
  return list.map(({ from, id }) => {
    const staged = from === 'Committed' ? undefined : upload.staged.get(id);
    const block = staged ?? (from === 'Uncommitted' ? undefined : upload.committed.get(id));
    if (block === undefined)
      throw new BlobError(400, 'InvalidBlockList', 'the block list names a block that was not uploaded');
    return { id, block };
  });
}

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (whole, name, dec, hex) => {
      if (name !== undefined) return NAMED[String(name).toLowerCase()] ?? whole;
      const code = dec === undefined ? Number.parseInt(hex, 16) : Number.parseInt(dec, 10);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
